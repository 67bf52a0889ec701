"""Rows from files and from what trickles in, in parts."""

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from serving.commands.texts import UntilFailure, parts_as_they_come, parts_of_rows
from serving.text_files.rows import Row, TextFileError


def _rows(count: int) -> list[Row]:
    return [Row(number, f"text {number}") for number in range(1, count + 1)]


def _failing(count: int) -> Iterator[Row]:
    yield from _rows(count)
    raise TextFileError("the end of it")


def test_parts_are_named_by_the_numbers_of_their_rows() -> None:
    rows = [Row(2, "a"), Row(5, "b"), Row(6, "c")]
    parts = list(parts_of_rows(rows, size=2))
    assert [(part.rows, part.items) for part in parts] == [
        (range(2, 6), rows[:2]),
        (range(6, 7), rows[2:]),
    ]


@pytest.mark.parametrize("cut", [parts_of_rows, parts_as_they_come])
def test_rows_before_a_failure_are_in_parts_and_the_failure_is_kept(
    cut: Any,
) -> None:
    rows = UntilFailure(_failing(5))
    found = [row.number for part in cut(rows, 3) for row in part.items]
    assert found == [1, 2, 3, 4, 5]
    assert str(rows.failure) == "the end of it"


def test_a_text_as_long_as_a_file_is_a_row_with_a_problem() -> None:
    rows = UntilFailure([Row(1, "é" * 32_768), Row(2, "é" * 32_769), Row(3, "ok")])
    assert [row.problem for row in rows] == [None, "text_too_long", None]


class Slow:
    """Rows that come when the test puts them; None ends."""

    def __init__(self) -> None:
        self.rows: queue.Queue[Row | None] = queue.Queue()

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.get, None)


def test_rows_are_passed_on_before_the_part_is_full() -> None:
    source = Slow()
    parts = parts_as_they_come(source, size=100)
    source.rows.put(Row(1, "a"))
    source.rows.put(Row(2, "b"))
    found = next(parts)
    while not found:  # the reader may need a moment
        found = next(parts)
    assert (found.items, found.rows) == ([Row(1, "a"), Row(2, "b")], range(1, 3))
    assert not next(parts)
    source.rows.put(Row(3, "c"))
    source.rows.put(None)
    rest = [part for part in parts if part]
    assert [(part.items, part.rows) for part in rest] == [([Row(3, "c")], range(3, 4))]


def test_much_input_goes_in_full_parts() -> None:
    sizes = [len(part.items) for part in parts_as_they_come(_rows(25), size=10)]
    assert [size for size in sizes if size] == [10, 10, 5]


def test_what_the_reading_thread_did_not_expect_is_raised_where_it_is_waited_for() -> (
    None
):
    def broken() -> Iterator[Row]:
        yield Row(1, "a")
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        list(parts_as_they_come(broken(), size=10))
