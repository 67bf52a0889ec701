"""A row of a user's file, and the checks that are the same in every format."""

import dataclasses
import decimal
import difflib
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, cast

from serving.text_files.shown import listed, named, shown

MAX_TEXT_BYTES = 65_536
"""A longer text is no text to classify: most often, many rows have run together."""
_HELD_ROWS = 1000
_ADVICE = {
    "invalid_utf8": "What an old Windows program wrote becomes UTF-8 with: iconv -f "
    "WINDOWS-1252 -t UTF-8 OLD > NEW.",
    "wrong_number_of_columns": "A text with the separator in it belongs in quotes.",
    "doubled_field": "An object has each field once.",
    "invalid_json": "JSON Lines have one object on each line; what is spread over "
    "several becomes one with: jq -c . OLD > NEW.jsonl.",
    "wrong_type": "A text is a string, a label a string, a number or a boolean.",
    "text_too_long": "Have several texts run together?",
}

Note = Callable[[str], None]
"""Is told, in a sentence without the file's name, how a file was read."""


class TextFileError(ValueError):
    """A file is not what its name says; the message names it and what to do."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Names of the columns to read; without a label where only texts are wanted."""

    text: str = "text"
    label: str | None = "label"

    @property
    def names(self) -> tuple[str, ...]:
        """What must be there."""
        return (self.text,) if self.label is None else (self.text, self.label)


class Row(NamedTuple):
    """One row as it stands in the file.

    `number` is its first line, or its record where the format has no lines, from 1;
    `lines` is how many lines it takes. A row that cannot be used has a `problem`.
    """

    number: int
    text: str = ""
    label: str = ""
    problem: str | None = None
    lines: int = 1


# Twice as fast as calling the class, for what is made a million times.
_new_row = cast(Callable[[tuple[object, ...]], Row], partial(tuple.__new__, Row))


def row_of_text(number: int, text: str, label: str, lines: int = 1) -> Row:
    """Makes a row; bytes that were no UTF-8 have become lone surrogates."""
    # Nearly all rows are ASCII, which needs no call of a function to be seen.
    if not (text.isascii() and label.isascii()) and not (
        is_unicode(text) and is_unicode(label)
    ):
        return Row(number, problem="invalid_utf8", lines=lines)
    if "\0" in text or "\0" in label:
        return Row(number, problem="nul_byte", lines=lines)
    return _new_row((number, text, label, None, lines))


def advice_for(problems: Iterable[str]) -> str:
    """Says what to do about the problems of rows, each with a space before it."""
    return "".join(f" {_ADVICE[problem]}" for problem in problems if problem in _ADVICE)


def is_unicode(text: str) -> bool:
    """Whether `text` can be sent and printed: it has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def row_of_values(number: int, text: object, label: object) -> Row:
    """Makes a row from typed values: numbers and booleans are labels, never texts."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        label = label.decode() if isinstance(label, bytes) else _written(label)
    except UnicodeDecodeError:
        return Row(number, problem="invalid_utf8")
    if text is None or label is None:
        return Row(number, problem="missing_field")
    if not isinstance(text, str) or not isinstance(label, str):
        return Row(number, problem="wrong_type")
    return row_of_text(number, text, label)


def _written(label: object) -> object:
    """Spells a label that is a number; what is no number at all is missing.

    A column of whole numbers becomes decimals as soon as one is missing: 1.0 is 1.
    """
    if isinstance(label, float | decimal.Decimal):
        if math.isnan(label):
            return None
        return (
            str(int(label)) if math.isfinite(label) and label % 1 == 0 else str(label)
        )
    return str(label) if isinstance(label, int) else label


def of_32_bits(value: float | None) -> float | None:
    """Gives the shortest number that is the same in 32 bits: 0.1, not 0.100000001."""
    if value is None:
        return None
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return value


def require_columns(
    path: Path, names: Sequence[str], columns: Columns, hint: str = ""
) -> None:
    """Checks that each wanted column is among `names`, once.

    Raises:
        TextFileError: One is not, or there are several.
    """
    for name in columns.names:
        if names.count(name) > 1:
            raise TextFileError(
                f"{named(path)} names the column '{shown(name)}' {names.count(name)} "
                "times. Each column needs a name of its own."
            )
        if name not in names:
            raise TextFileError(
                f"{named(path)} has no column '{shown(name)}'; it has "
                f"{listed(list(names))}. {hint or _near(name, names, columns)}"
            )


def _near(name: str, names: Sequence[str], columns: Columns) -> str:
    """Advises to take the column that may have been meant."""
    plain = {other.casefold().strip(" \"'\ufeff\xa0"): other for other in names}
    close = difflib.get_close_matches(name.casefold(), plain, n=1, cutoff=0.8)
    if close and plain[close[0]].isprintable():
        option = "--text-column" if name == columns.text else "--label-column"
        return f"Did you mean {option} '{shown(plain[close[0]])}'?"
    options = ("--text-column", "--label-column")[: len(columns.names)]
    return f"Name yours with {' and '.join(options)}."


class Records:
    """Rows of records that name their own fields, as JSON lines and tf.Examples do.

    One record without a field is a row with a problem. A field that no record has is
    another matter: the first rows are held back until it is known.
    """

    def __init__(self, path: Path, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._missing = set(columns.names)
        self._names: dict[str, None] = {}

    def rows(self, found: Iterable[tuple[Row, Iterable[str]]]) -> Iterator[Row]:
        """Passes rows on, each given with the names of its fields.

        Raises:
            TextFileError: A column is in none of the first thousand records.
        """
        held: list[Row] = []
        records = iter(found)
        for row, names in records:
            held.append(row)
            self._names.update(dict.fromkeys(names))
            self._missing.difference_update(self._names)
            if not self._missing or len(held) == _HELD_ROWS:
                break
        if self._names:
            require_columns(self._path, list(self._names), self._columns)
        yield from held
        for row, _ in records:
            yield row
