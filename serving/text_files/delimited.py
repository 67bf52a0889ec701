"""Rows of CSV and TSV files."""

import csv
from collections.abc import Iterator
from pathlib import Path

from serving.text_files.rows import (
    Columns,
    Row,
    TextFileError,
    require_columns,
    row_of_text,
)
from serving.text_files.streams import format_suffix, open_text

_UNLIMITED_FIELD_BYTES = 2**31 - 1  # The default of 128 KiB is an error, not a row.


def read_delimited(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields the rows below the header."""
    csv.field_size_limit(_UNLIMITED_FIELD_BYTES)
    with open_text(path) as stream:
        delimiter = "\t" if format_suffix(path) == ".tsv" else ","
        reader = csv.reader(stream, delimiter=delimiter)
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header, columns)
        text_at, label_at = header.index(columns.text), header.index(columns.label)
        for cells in reader:
            if not cells:
                continue  # A blank line, often the last one.
            if len(cells) != len(header):
                yield Row(reader.line_num, problem="wrong_number_of_columns")
                continue
            yield row_of_text(reader.line_num, cells[text_at], cells[label_at])


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    for name in (columns.text, columns.label):
        if header.count(name) > 1:
            raise TextFileError(
                f"{path} names the column '{name}' {header.count(name)} times in its "
                "first line. Each column needs a name of its own."
            )
    require_columns(path, header, columns)
