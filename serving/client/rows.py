"""Rows as callers give them: a list, a generator, an open file, an array, a column.

What is no row is refused before anything is sent. An error names the row's index and
its type, never what it says: texts are other people's, and errors end in logs.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any, TypeVar

from .errors import CodecError

T = TypeVar("T")

_ADVICE = {
    "bytes": "Decode it: text.decode('utf-8').",
    "bytes_": "Decode the array: numpy.char.decode(texts, 'utf-8').",
    "NoneType": "Is a value missing? Leave the row out, or say ''.",
    "float": "Is a value missing (NaN)? Leave the row out, or say ''.",
    "NAType": "Is a value missing? Leave the row out, or say ''.",
    "StringScalar": "Make Python's values of the column: texts.to_pylist().",
}


def listed(rows: Iterable[T], name: str, one: str) -> list[T]:
    """Gives the rows as a list; reads a generator, a `map` or a file to its end.

    Args:
        rows: what the caller gave.
        name: of the argument, for the message.
        one: what a row should be, for the message.

    Raises:
        TypeError: it is a single row, or no one-dimensional collection of rows.
    """
    if not isinstance(rows, list):
        check_collection(rows, name, one)
    return list(rows)


def check_collection(rows: object, name: str, one: str) -> None:
    """Raises `TypeError` as `listed` does, and reads nothing."""
    if problem := _problem(rows):
        what, advice = problem
        raise TypeError(
            f"{name} must be a list of {one}, or another iterable of them; got {what}. "
            f"{advice}"
        )


def checked_texts(texts: Iterable[str], first: int = 0) -> list[str]:
    """Gives the texts as a list, each of which can be sent.

    Args:
        texts: as in `listed`.
        first: the index of the first one in the caller's collection.

    Raises:
        TypeError: `texts` is one string, or holds something else than strings.
        CodecError: a text holds a lone surrogate.
    """
    rows = listed(texts, "texts", "str")
    # One C loop over the types; they are few.
    if not all(issubclass(kind, str) for kind in set(map(type, rows))):
        raise TypeError(_wrong_type(rows, first))
    try:
        "".join(rows).encode("utf-8")
    except UnicodeEncodeError:
        check_encodable(rows, "texts", first)
    return rows


def check_encodable(texts: Iterable[str], name: str, first: int = 0) -> None:
    """Raises `CodecError`, with index and position, where a text has no UTF-8."""
    for index, text in enumerate(texts, first):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            # Without its cause, which holds the whole text.
            raise CodecError(lone_surrogate(f"{name}[{index}]", error)) from None


def check_name(name: object, what: str) -> None:
    """Raises where a name of an input, a signature or a feature cannot be sent.

    Raises:
        TypeError: it is no str.
        CodecError: it holds a lone surrogate.
    """
    if not isinstance(name, str):
        raise TypeError(f"{what} is of type {type(name).__name__}; names are str.")
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CodecError(lone_surrogate(what, error)) from None


def lone_surrogate(place: str, error: UnicodeEncodeError) -> str:
    """Says which character of a text cannot be sent, and what to do; not the text."""
    code_point = ord(error.object[error.start])
    return (
        f"{place} cannot be sent: its character {error.start} (counted from 0) is the "
        f"lone surrogate U+{code_point:04X}, which UTF-8 cannot hold. Decode the "
        "source with errors='replace', or repair the text: "
        "text.encode('utf-8', 'replace').decode()."
    )


def _wrong_type(rows: list[Any], first: int) -> str:
    """Names the first row that is no str."""
    index = next(i for i, row in enumerate(rows) if not isinstance(row, str))
    kind = type(rows[index]).__name__
    return (
        f"texts[{first + index}] is of type {kind}; texts must be a list of str. "
        f"{_ADVICE.get(kind, 'Convert it, or leave it out.')}"
    )


async def collected(rows: Iterable[T] | AsyncIterable[T]) -> Iterable[T]:
    """Gives rows that arrive asynchronously as a list, and others as they are."""
    if isinstance(rows, AsyncIterable) and not isinstance(rows, Iterable):
        return [row async for row in rows]
    return rows


def _problem(rows: Any) -> tuple[str, str] | None:
    """What is wrong with a collection, and what to do; None when it is one of rows."""
    kind = type(rows).__name__
    if isinstance(rows, (str, bytes, bytearray, memoryview)):
        how = "[row]" if isinstance(rows, str) else "[row.decode('utf-8')]"
        return f"a single {kind}", f"Put it into a list: {how}."
    if isinstance(rows, Mapping):
        return (
            f"a {kind}",
            "Say which: list(rows.keys()), list(rows.values()), or [rows].",
        )
    if isinstance(rows, AsyncIterable):
        return (
            f"the asynchronous {kind}",
            "Use AsyncClient, or collect it first: [row async for row in rows].",
        )
    dimensions = getattr(rows, "ndim", 1)
    if dimensions != 1:
        return f"a {kind} of {dimensions} dimensions", "Give one column, or one row."
    if not hasattr(type(rows), "__iter__") and not hasattr(type(rows), "__getitem__"):
        return f"a {kind}", "Put it into a list."
    return None
