"""Parts side by side: order, width, memory, failures."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import numpy as np
import pytest

from serving.client.asynchronous import in_order_async, parts_of_async
from serving.client.errors import AbortedError
from serving.client.parts import Part, in_order, parts_of, parts_of_inputs


def test_parts_cover_all_rows_once() -> None:
    parts = list(parts_of(iter("abcdefg"), 3))
    assert [part.items for part in parts] == [list("abc"), list("def"), ["g"]]
    assert [part.rows for part in parts] == [range(3), range(3, 6), range(6, 7)]


def test_inputs_are_cut_along_their_first_dimension() -> None:
    inputs = {"x": np.arange(10).reshape(5, 2), "y": list("abcde")}
    parts = parts_of_inputs(inputs, 2)
    assert [part.items["y"] for part in parts] == [["a", "b"], ["c", "d"], ["e"]]
    assert parts[2].items["x"].tolist() == [[8, 9]]
    assert parts_of_inputs({"x": []}, 2) == []


class Gauge:
    """Counts who is inside. An odd number leaves after the next, so out of order."""

    def __init__(self, last: int, width: int) -> None:
        self.most = 0
        self._last, self._width = last, width
        self._inside: set[int] = set()
        self._left: set[int] = set()
        self._changed = threading.Condition()

    def visit(self, items: list[int]) -> int:
        number = items[0]
        with self._changed:
            self._inside.add(number)
            self.most = max(self.most, len(self._inside))
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._may_leave(number), 60)
            self._inside.remove(number)
            self._left.add(number)
            self._changed.notify_all()
        return number

    def _may_leave(self, number: int) -> bool:
        if number % 2 and number < self._last:
            return number + 1 in self._left
        return self.most >= self._width


def test_answers_keep_the_order_and_the_width() -> None:
    gauge = Gauge(last=19, width=3)
    assert list(in_order(gauge.visit, parts_of(range(20), 1), 3)) == list(range(20))
    assert gauge.most == 3


def test_async_answers_keep_the_order_and_the_width() -> None:
    gauge = Gauge(last=19, width=3)

    async def visit(items: list[int]) -> int:
        return await asyncio.to_thread(gauge.visit, items)

    async def ask() -> list[int]:
        parts = parts_of_async(range(20), 1)
        return [number async for number in in_order_async(visit, parts, 3)]

    assert asyncio.run(ask()) == list(range(20))
    assert gauge.most == 3


def fail_at_three(items: list[int]) -> int:
    if items[0] >= 3:
        raise AbortedError("host:1", f"row {items[0]}")
    return items[0]


def test_after_a_failure_no_part_is_sent_and_the_source_is_left_alone() -> None:
    taken = []

    def source() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    answers = in_order(fail_at_three, parts_of(source(), 1), 2)
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(AbortedError, match="row 3: .*row 3"):
        next(answers)
    assert len(taken) <= 7


def test_after_a_failure_running_tasks_are_cancelled() -> None:
    cancelled = []

    async def work(items: list[int]) -> int:
        if items[0] == 0:
            raise AbortedError("host:1", "no")
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(items[0])
            raise
        return 0

    async def ask() -> None:
        async for _ in in_order_async(work, parts_of_async(range(3), 1), 3):
            pass

    with pytest.raises(AbortedError, match="row 0: "):
        asyncio.run(ask())
    assert cancelled == [1, 2]


def test_an_empty_part_lets_the_answers_out() -> None:
    def source() -> Iterator[Part[list[int]]]:
        yield Part(range(1), [0])
        yield Part(range(0), [])
        raise AssertionError("the answer should have come before more was read")

    assert next(in_order(lambda items: items[0], source(), 5)) == 0


def test_async_parts_come_from_an_async_source() -> None:
    async def source() -> AsyncIterator[int]:
        for number in range(5):
            yield number

    async def parts() -> list[list[int]]:
        return [part.items async for part in parts_of_async(source(), 2)]

    assert asyncio.run(parts()) == [[0, 1], [2, 3], [4]]


def test_what_a_source_gave_before_it_failed_is_a_part() -> None:
    def source() -> Iterator[int]:
        yield from range(5)
        raise OSError("gone")

    async def asynchronous() -> AsyncIterator[int]:
        for number in source():
            yield number

    async def collect() -> None:
        async for part in parts_of_async(asynchronous(), 2):
            later.append(part.items)

    found: list[list[int]] = []
    later: list[list[int]] = []
    with pytest.raises(OSError, match="gone"):
        found.extend(part.items for part in parts_of(source(), 2))
    with pytest.raises(OSError, match="gone"):
        asyncio.run(collect())
    assert found == later == [[0, 1], [2, 3], [4]]
