"""Records of a CSV file, each with the line it begins in, and no quote astray.

A quote opens a text only at the start of a field; in its middle it is a character, as
in every reader of CSV. What none of them says is that a quote was opened by mistake:
then everything up to the next one becomes part of one text. Here that is an error.
"""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator

from serving.text_files.rows import TextFileError
from serving.text_files.shown import shown

MAX_RECORD_LINES = 500
"""A text of more lines is none that somebody wrote to be classified."""
_LOOKED_AHEAD_LINES = 50
_SPACES = " \t"
_UNLIMITED_FIELD_BYTES = 2**31 - 1  # The default of 128 KiB is an error, not a row.
QUOTES_ADVICE = (
    "A quote at the start of a field opens a text that the next quote ends. One that "
    'belongs to the text is doubled, and the text stands in quotes: "5"" pipe",label. '
    "In a .tsv file quotes are characters like others."
)

Record = tuple[int, list[str], list[str]]
"""The number of its first line, from 1, its lines, and its fields."""


class CsvRecords:
    """The records of lines; `delimiter` and `width` may be set when they are known.

    `width` is how many fields a record should have: it decides where a quote after a
    space could be read in two ways.

    Raises, while it is iterated:
        TextFileError: A quote is not closed, or text follows a closing one.
    """

    def __init__(self, name: str, lines: Iterable[str]) -> None:
        csv.field_size_limit(_UNLIMITED_FIELD_BYTES)
        self._name = name
        self._lines = iter(lines)
        self._taken: list[str] = []
        self._is_first = False
        self._has_put_back = False
        self.width: int | None = None
        self.set_delimiter(",")

    def set_delimiter(self, delimiter: str) -> None:
        """Takes another character than the comma from the next record on."""
        self.delimiter = delimiter
        self._reader = csv.reader(self._fed(), delimiter=delimiter, strict=True)
        self._field, self._open_field = _spaced_field(delimiter)

    def __iter__(self) -> Iterator[Record]:
        number = 1
        while True:
            # One loop without calls, because a file has a million lines.
            for line in self._lines:
                taken = [line]
                if '"' not in line:
                    yield number, taken, line.rstrip("\r\n").split(self.delimiter)
                    number += 1
                    continue
                self._taken, self._is_first = taken, True
                try:
                    cells = next(self._reader)
                except csv.Error:
                    cells = self._otherwise(number, taken)
                else:
                    if (' "' in line or '\t"' in line) and any(
                        map(_is_quote_after_space, cells)
                    ):
                        cells = self._after_spaces(taken, cells)
                yield number, taken, cells
                number += len(taken)
                if self._has_put_back:
                    break
            else:
                return
            self._has_put_back = False

    def _fed(self) -> Iterator[str]:
        """Gives the one reader the first line of a record, and more if it asks."""
        while True:
            self._is_first = False
            taken = self._taken
            yield taken[0]
            if self._is_first:
                continue
            for line in self._lines:
                taken.append(line)
                if len(taken) > MAX_RECORD_LINES:
                    return
                yield line
                if self._is_first:
                    break
            else:
                return

    def _otherwise(self, number: int, taken: list[str]) -> list[str]:
        """Parses what is no strict CSV, because of spaces around quotes."""
        if len(taken) > MAX_RECORD_LINES:
            raise self._unclosed(number, taken)
        cells = self._spaced("".join(taken))
        while cells is _OPEN:
            line = next(self._lines, None)
            if line is None or len(taken) >= MAX_RECORD_LINES:
                raise self._unclosed(number, taken)
            taken.append(line)
            if '"' in line:
                cells = self._spaced("".join(taken))
        if cells is None:
            raise self._misplaced(number, taken)
        return cells

    def _unclosed(self, number: int, taken: list[str]) -> TextFileError:
        where = (
            f"not closed within {MAX_RECORD_LINES} lines"
            if len(taken) >= MAX_RECORD_LINES
            else f"never closed; the file ends in line {number + len(taken) - 1}"
        )
        return TextFileError(
            f"{self._name}, line {number}: the quote that opens a text here is "
            f"{where}: '{shown(taken[0].strip())}'. {QUOTES_ADVICE}"
        )

    def _misplaced(self, number: int, taken: list[str]) -> TextFileError:
        opened = f" (opened in line {number})" if len(taken) > 1 else ""
        backslash = (
            " A backslash does not make a quote part of the text."
            if '\\"' in "".join(taken)
            else ""
        )
        return TextFileError(
            f"{self._name}, line {number + len(taken) - 1}: text follows a closing "
            f"quote{opened}: '{shown(taken[-1].strip())}'.{backslash} {QUOTES_ADVICE}"
        )

    def _after_spaces(self, taken: list[str], cells: list[str]) -> list[str]:
        """Reads `text, "label"` without the quotes, if that gives the right fields."""
        extra: list[str] = []
        spaced = self._spaced(taken[0])
        while (
            spaced is _OPEN
            and len(cells) != self.width
            and len(extra) < _LOOKED_AHEAD_LINES
            and (line := next(self._lines, None)) is not None
        ):
            extra.append(line)
            if '"' in line:
                spaced = self._spaced("".join((taken[0], *extra)))
        if (
            spaced is None
            or spaced is _OPEN
            or len(spaced) != (self.width or len(spaced))
        ):
            self._lines = itertools.chain(extra, self._lines)
            self._has_put_back = True
            return cells
        taken.extend(extra)
        return spaced

    def _spaced(self, text: str) -> list[str] | None:
        """Parses a record whose quotes may have spaces around them.

        None where text follows a quote, `_OPEN` where one is not closed.
        """
        text, at, cells = text.rstrip("\r\n"), 0, []
        while (match := self._field.match(text, at)) is not None:
            quoted, bare = match.groups()
            cells.append(bare if quoted is None else quoted.replace('""', '"'))
            if match.end() == len(text):
                return cells
            at = match.end() + 1
        return _OPEN if self._open_field.match(text, at) else None


_OPEN: list[str] = []


def _is_quote_after_space(cell: str) -> bool:
    return cell[:1] in _SPACES and cell.lstrip(_SPACES)[:1] == '"'


def _spaced_field(delimiter: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns of a field, and of one whose quote is not closed."""
    end = re.escape(delimiter)
    space = f"[{_SPACES.replace(delimiter, '')}]*"
    opened = rf'{space}"([^"]*(?:""[^"]*)*)'
    return (
        re.compile(
            rf'{opened}"{space}(?={end}|\Z)|(?!{space}")([^{end}]*)(?={end}|\Z)'
        ),
        re.compile(rf"{opened}\Z"),
    )
