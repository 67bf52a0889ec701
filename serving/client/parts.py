"""Long lists in parts: sent side by side, answered in order, bounded in memory."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from .errors import ServingError

T = TypeVar("T")
Items = TypeVar("Items")


@dataclasses.dataclass(frozen=True)
class Part(Generic[Items]):
    """Rows of a longer list, and where they stand in it, counted from 0."""

    rows: range
    items: Items

    def __bool__(self) -> bool:
        return bool(self.rows)


def parts_of(items: Iterable[T], size: int) -> Iterator[Part[list[T]]]:
    """Cuts `size` rows at a time, and the rest; takes `items` as they are needed.

    Where `items` fails, what it gave before is a part of its own.
    """
    iterator, start = iter(items), 0
    while True:
        taken: list[T] = []
        try:
            for item in itertools.islice(iterator, size):
                taken.append(item)
        except Exception:
            if taken:
                yield Part(range(start, start + len(taken)), taken)
            raise
        if not taken:
            return
        yield Part(range(start, start + len(taken)), taken)
        start += len(taken)


def parts_of_inputs(
    inputs: Mapping[str, Any], size: int
) -> list[Part[Mapping[str, Any]]]:
    """Cuts arrays or lists that share their first dimension.

    Raises:
        ValueError: they do not share one.
    """
    counts = {
        name: len(value)
        if hasattr(value, "__len__") and getattr(value, "ndim", True)
        else None
        for name, value in inputs.items()
    }
    if len(set(counts.values())) != 1 or None in counts.values():
        raise ValueError(
            f"Inputs with {counts} rows cannot be split: all must have as many. Leave "
            "rows_are_independent out."
        )
    count = next(iter(counts.values())) or 0
    return [
        Part(
            range(start, min(start + size, count)),
            {name: value[start : start + size] for name, value in inputs.items()},
        )
        for start in range(0, count, size)
    ]


def whole(parts: Iterable[Part[Items]]) -> Iterator[Part[Part[Items]]]:
    """Wraps the parts, for a function that must know where its rows stand."""
    return (Part(part.rows, part) for part in parts)


def in_order(
    function: Callable[[Items], T], parts: Iterable[Part[Items]], width: int
) -> Iterator[T]:
    """Yields `function(part.items)` of every part, in order, `width` at a time.

    Parts are taken as they are needed, so a source of any length will do. An empty part
    says that the source has nothing now: the oldest answer is waited for instead. After
    a failure the parts that wait are not sent. When the source itself fails, that is
    raised after the answers to all it gave.

    Raises:
        ServingError: of the first part without an answer, naming its rows.
    """
    iterator = iter(parts)
    failures: list[Exception] = []
    pending: collections.deque[concurrent.futures.Future[T]] = collections.deque()
    pool = concurrent.futures.ThreadPoolExecutor(width, "serving-parts")
    try:
        while (part := _next(iterator, failures)) is not None:
            if part:
                pending.append(pool.submit(_named, function, part))
            if pending and (not part or len(pending) > width):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
        for failure in failures:
            raise failure
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _next(
    parts: Iterator[Part[Items]], failures: list[Exception]
) -> Part[Items] | None:
    """Gives the next part; none after the last, and where the source has failed."""
    try:
        return next(parts, None)
    except Exception as failure:  # noqa: BLE001 - raised when its time has come
        failures.append(failure)
        return None


def _named(function: Callable[[Items], T], part: Part[Items]) -> T:
    try:
        return function(part.items)
    except ServingError as error:
        raise error.of_rows(part.rows) from None
