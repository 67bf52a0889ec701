"""Rows of files with one text a line."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from serving.text_files.rows import Columns, Note, Row, row_of_text
from serving.text_files.streams import decoded, without_bom


def read_lines(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    """Yields a row per line, blank ones included."""
    del columns
    with decoded(path, note) as stream:
        yield from rows_of_lines(stream)


def rows_of_lines(lines: Iterable[str]) -> Iterator[Row]:
    """Makes a row of each line, without its end."""
    for number, line in enumerate(lines, 1):
        yield row_of_text(number, without_bom(line).rstrip("\r\n"), "")
