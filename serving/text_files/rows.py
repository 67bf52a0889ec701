"""A row of a user's file, and the checks that are the same in every format."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path


class TextFileError(ValueError):
    """A file is not what its name says; the message names it and what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the two columns to read."""

    text: str = "text"
    label: str = "label"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file; `number` is its line or record, from 1."""

    number: int
    text: str = ""
    label: str = ""
    problem: str | None = None


def row_of_text(number: int, text: str, label: str) -> Row:
    """Makes a row; bytes that were no UTF-8 have become lone surrogates."""
    if not (is_unicode(text) and is_unicode(label)):
        return Row(number, problem="invalid_utf8")
    return Row(number, text, label)


def row_of_values(number: int, text: object, label: object) -> Row:
    """Makes a row from typed values: numbers and booleans are labels, never texts."""
    if text is None or label is None:
        return Row(number, problem="missing_field")
    if isinstance(text, bytes) or isinstance(label, bytes):
        return _row_of_bytes(number, text, label)
    if not isinstance(text, str) or not isinstance(label, str | int | bool):
        return Row(number, problem="wrong_type")
    return row_of_text(number, text, str(label))


def _row_of_bytes(number: int, text: object, label: object) -> Row:
    try:
        text = text.decode() if isinstance(text, bytes) else text
        label = label.decode() if isinstance(label, bytes) else label
    except UnicodeDecodeError:
        return Row(number, problem="invalid_utf8")
    return row_of_values(number, text, label)


def is_unicode(text: str) -> bool:
    """Whether `text` can be sent and printed: it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def require_columns(path: Path, names: Sequence[str], columns: Columns) -> None:
    """Raises `TextFileError` unless both columns are among `names`."""
    for name in (columns.text, columns.label):
        if name not in names:
            raise TextFileError(
                f"{path} has no column '{name}'; it has {_listed(names)}. Name "
                "yours with --text-column and --label-column."
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:20]) or "none"
