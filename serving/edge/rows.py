"""Rows as callers give them: a list, a generator, an open file, an array, a column.

As in `serving.client.rows`, which a device does not have: an error names the row's
index and its type, never what it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from .errors import TextError

T = TypeVar("T")

_ADVICE = {
    "bytes": "Decode it: text.decode('utf-8').",
    "bytes_": "Decode the array: numpy.char.decode(texts, 'utf-8').",
    "NoneType": "Is a value missing? Leave the row out, or say ''.",
    "float": "Is a value missing (NaN)? Leave the row out, or say ''.",
    "NAType": "Is a value missing? Leave the row out, or say ''.",
}


def listed(rows: Iterable[T], name: str, one: str) -> list[T]:
    """Gives the rows as a list; reads a generator, a `map` or a file to its end.

    Raises:
        TypeError: it is a single row, or no one-dimensional collection of rows.
    """
    if not isinstance(rows, list) and (problem := _problem(rows)):
        what, advice = problem
        raise TypeError(
            f"{name} must be a list of {one}, or another iterable of them; got {what}. "
            f"{advice}"
        )
    return list(rows)


def checked_texts(texts: Iterable[str]) -> list[str]:
    """Gives the texts as a list.

    Raises:
        TypeError: `texts` is one string, or holds something else than strings.
        TextError: a text holds a lone surrogate.
    """
    rows = listed(texts, "texts", "str")
    for index, row in enumerate(rows):
        if not isinstance(row, str):
            kind = type(row).__name__
            raise TypeError(
                f"texts[{index}] is of type {kind}; texts must be a list of str. "
                f"{_ADVICE.get(kind, 'Convert it, or leave it out.')}"
            )
    try:
        "".join(rows).encode("utf-8")
    except UnicodeEncodeError:
        # Without its cause, which holds the texts.
        raise TextError(_lone_surrogate(rows)) from None
    return rows


def _lone_surrogate(texts: list[str]) -> str:
    for index, text in enumerate(texts):
        for position, character in enumerate(text):
            if "\ud800" <= character <= "\udfff":
                return (
                    f"texts[{index}]: its character {position} (counted from 0) is the "
                    f"lone surrogate U+{ord(character):04X}, which no text of Unicode "
                    "has. Decode the source with errors='replace', or repair the text: "
                    "text.encode('utf-8', 'replace').decode()."
                )
    raise AssertionError("no text holds a lone surrogate")


def _problem(rows: Any) -> tuple[str, str] | None:
    """What is wrong with a collection, and what to do; None when it is one of rows."""
    kind = type(rows).__name__
    if isinstance(rows, (str, bytes, bytearray, memoryview)):
        how = "[row]" if isinstance(rows, str) else "[row.decode('utf-8')]"
        return f"a single {kind}", f"Put it into a list: {how}."
    if isinstance(rows, Mapping):
        return f"a {kind}", "Say which: list(rows.keys()) or list(rows.values())."
    dimensions = getattr(rows, "ndim", 1)
    if dimensions != 1:
        return f"a {kind} of {dimensions} dimensions", "Give one column, or one row."
    if hasattr(rows, "__aiter__"):
        return f"the asynchronous {kind}", "Collect it: [row async for row in rows]."
    if not hasattr(type(rows), "__iter__") and not hasattr(type(rows), "__getitem__"):
        return f"a {kind}", "Put it into a list."
    return None
