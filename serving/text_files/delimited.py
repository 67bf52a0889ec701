"""Rows of CSV and TSV files."""

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from serving.text_files.csv_records import QUOTES_ADVICE, CsvRecords, Record
from serving.text_files.rows import (
    Columns,
    Note,
    Row,
    TextFileError,
    require_columns,
    row_of_text,
)
from serving.text_files.shown import listed, named, shown
from serving.text_files.stray_quotes import SwallowedRows
from serving.text_files.streams import decoded, format_suffix

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# A spreadsheet's own first line, which says what separates.
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
_BETWEEN_QUOTES = re.compile(r'" *([,;\t|]) *"')


def read_delimited(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    """Yields the rows below the header."""
    with decoded(path, note) as stream:
        if format_suffix(path) == ".tsv":
            note("tabs separate, and quotes are part of the text, as in all .tsv files")
            yield from _tsv_rows(path, stream, columns)
        else:
            yield from _csv_rows(path, stream, columns, note)


def _tsv_rows(path: Path, lines: Iterable[str], columns: Columns) -> Iterator[Row]:
    cut = (
        (number, [line], line.rstrip("\r\n").split("\t"))
        for number, line in enumerate(lines, 1)
    )
    records = itertools.dropwhile(_is_blank, cut)
    header = _names(next(records, (1, [], []))[2])
    _require(path, header, columns)
    return _rows(records, header, columns, _HeaderAgain(path, header))


def _csv_rows(
    path: Path, lines: Iterable[str], columns: Columns, note: Note
) -> Iterator[Row]:
    lines = iter(lines)
    above, first = _first_line(lines)
    source = CsvRecords(named(path), itertools.chain(above, [first], lines))
    # Before the first record is read: quoted names end in what separates them.
    source.set_delimiter(_separator(first, columns))
    records = iter(source)
    header = _header(path, source, records, columns)
    if source.delimiter != ",":
        sign = f"'{shown(source.delimiter)}'"
        name = _NAMES.get(source.delimiter, "other signs")
        note(f"{name} separate, not commas: found {sign} in its header")
    source.width = len(header)
    swallowed = SwallowedRows(named(path), source.delimiter, len(header), QUOTES_ADVICE)
    return _rows(records, header, columns, _HeaderAgain(path, header), swallowed)


def _header(
    path: Path, source: CsvRecords, records: Iterator[Record], columns: Columns
) -> list[str]:
    """Takes the names, and the character that separates them, from the first record."""
    _, taken, cells = next(itertools.dropwhile(_is_blank, records), (1, [""], []))
    if (said := _SEPARATOR_LINE.fullmatch("".join(taken))) is not None:
        source.set_delimiter(said[1])
        _, taken, cells = next(records, (2, [""], []))
    names = _names(cells)
    if set(columns.names) <= set(names):
        require_columns(path, names, columns)
        return names
    for delimiter in _NAMES:
        others = _names(next(csv.reader(taken, delimiter=delimiter), []))
        if set(columns.names) <= set(others):
            source.set_delimiter(delimiter)
            require_columns(path, others, columns)
            return others
    _require(path, names, columns)
    return names


def _first_line(lines: Iterator[str]) -> tuple[list[str], str]:
    """Takes the blank lines at the top, and the first one that is not."""
    above: list[str] = []
    for line in lines:
        if line.strip(" ,;\t|\r\n"):
            return above, line
        above.append(line)
    return above, ""


def _separator(line: str, columns: Columns) -> str:
    """Finds what separates the names of a header: a comma, if nothing else is sure."""
    line = _BETWEEN_QUOTES.sub(r'"\1"', line)
    cut = {sign: cells for sign in _NAMES if (cells := _strict(line, sign))}
    wanted = set(columns.names)
    found = [sign for sign in cut if wanted <= set(_names(cut[sign]))]
    if not found and "," not in cut:
        found = [sign for sign in cut if len(cut[sign]) > 1]
    return next(iter(found), ",")


def _strict(line: str, delimiter: str) -> list[str]:
    """Gives the fields of a line; none where a quote is astray."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def _names(cells: list[str]) -> list[str]:
    """Strips the names, and leaves out what a comma at the end of the line adds."""
    names = [name.strip() for name in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _require(path: Path, names: list[str], columns: Columns) -> None:
    if not names:
        raise TextFileError(
            f"{named(path)} is empty: it has no header. Its first line must name the "
            f"columns, such as {','.join(columns.names)}."
        )
    require_columns(path, names, columns, _hint(path, names, columns))


def _hint(path: Path, names: list[str], columns: Columns) -> str:
    """Says what a header is instead, if that can be seen."""
    if format_suffix(path) == ".tsv":
        if {f'"{name}"' for name in columns.names} & set(names):
            return (
                "In a .tsv file quotes are part of the text. Save it without them, or "
                "as .csv."
            )
        separates = [sign for sign in ",;|" if sign in names[0]]
        if len(names) == 1 and separates:
            return f"Found '{separates[0]}' where tabs should be: name it .csv."
        return ""
    if names[0].startswith(("{", "[")):
        return "It looks like JSON: one object a line is .jsonl."
    found = [sign for sign in _NAMES if sign in names[0]]
    if len(names) == 1 and found:
        shown_sign = "a tab" if found[0] == "\t" else f"'{found[0]}'"
        return (
            f"Found {shown_sign} between the names, which is understood: name yours "
            "with --text-column and --label-column."
        )
    return ""


def _is_blank(record: Record) -> bool:
    return not any(cell.strip() for cell in record[2])


class _HeaderAgain:
    """Notices the first line of another file that was joined to this one.

    Attributes:
        names: What its last cell is; empty where there is one column, of texts.
    """

    def __init__(self, path: Path, header: list[str]) -> None:
        self._path, self._header = path, header
        self.names = frozenset(header) if len(header) > 1 else frozenset()

    def is_at(self, number: int, cells: list[str]) -> bool:
        """Whether a record repeats the header, maybe behind a BOM.

        Raises:
            TextFileError: It does so in another order.
        """
        found = [cell.strip(' "\ufeff') for cell in cells[: len(self._header)]]
        if found != self._header and sorted(found) == sorted(self._header):
            raise TextFileError(
                f"{named(self._path)}:{number} names the columns again, the other way "
                f"round: {listed(found)}. Below it each would be taken for another. "
                "Files with another order of columns were joined: reorder one of them."
            )
        return found == self._header


def _rows(
    records: Iterable[Record],
    header: list[str],
    columns: Columns,
    again: "_HeaderAgain",
    swallowed: SwallowedRows | None = None,
) -> Iterator[Row]:
    width, text_at = len(header), header.index(columns.text)
    label_at = None if columns.label is None else header.index(columns.label)
    labels = set() if swallowed is None else swallowed.labels
    for number, lines, cells in records:
        if len(lines) > 1 and swallowed is not None:
            # Before its fields are counted: two stray quotes make one field of rows.
            swallowed.check(number, lines, cells, label_at)
        if len(cells) != width:
            if len(cells) <= 1 and not "".join(cells).strip():
                continue  # A blank line, often the last one.
            if len(cells) < width or "".join(cells[width:]).strip():
                problem = "wrong_number_of_columns"
                yield Row(number, problem=problem, lines=len(lines))
                continue
        if cells[width - 1] in again.names and again.is_at(number, cells):
            yield Row(number, problem="header_row_again", lines=len(lines))
            continue
        label = "" if label_at is None else cells[label_at]
        if len(lines) == 1:
            labels.add(label)
        yield row_of_text(number, cells[text_at], label, len(lines))
    if swallowed is not None:
        swallowed.check_doubts()
