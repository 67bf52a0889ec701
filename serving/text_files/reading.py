"""Rows of labelled text from CSV, JSONL, Parquet and TFRecord files.

A reader yields every row of a file, the unusable ones too: a row that cannot be
decoded arrives with `problem` set, so that it can be counted and shown.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from serving.text_files.delimited import read_delimited
from serving.text_files.json_lines import read_json_lines
from serving.text_files.parquet import read_parquet
from serving.text_files.rows import Columns, Row, TextFileError
from serving.text_files.streams import format_suffix
from serving.text_files.tfrecords import read_tfrecords

READERS: dict[str, Callable[[Path, Columns], Iterator[Row]]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
    ".tfrecord": read_tfrecords,
    ".tfrecords": read_tfrecords,
}


def read_rows(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields the rows of `path`, whose suffix says the format.

    Raises:
        TextFileError: The file is empty, not of its format, or lacks a column.
    """
    reader = READERS.get(format_suffix(path))
    if reader is None:
        raise TextFileError(
            f"{path} is not a format that can be read: its name ends in "
            f"'{path.suffix}', allowed are {', '.join(sorted(READERS))}."
        )
    if path.stat().st_size == 0:
        raise TextFileError(f"{path} is empty. It must hold rows of labelled text.")
    return reader(path, columns)
