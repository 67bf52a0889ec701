"""Rows of text from CSV, JSONL, Parquet and TFRecord files, and lines of others.

A reader yields every row of a file, the unusable ones too: a row that cannot be
decoded arrives with `problem` set, so that it can be counted and shown.
"""

import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from serving.text_files.delimited import read_delimited
from serving.text_files.json_lines import read_json_lines
from serving.text_files.lines import read_lines, rows_of_lines
from serving.text_files.parquet import read_parquet
from serving.text_files.rows import Columns, Note, Row, TextFileError
from serving.text_files.shown import named, shown
from serving.text_files.streams import decoded_stream, format_suffix
from serving.text_files.tfrecords import read_tfrecords

Reader = Callable[[Path, Columns, Note], Iterator[Row]]

READERS: dict[str, Reader] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
    ".tfrecord": read_tfrecords,
    ".tfrecords": read_tfrecords,
}
_ADVICE = {
    ".json": "One object a line is JSON Lines: jq -c '.[]' OLD > NEW.jsonl",
    ".xlsx": "Save the sheet as CSV in UTF-8.",
    ".xls": "Save the sheet as CSV in UTF-8.",
    ".ods": "Save the sheet as CSV in UTF-8.",
} | dict.fromkeys(
    (".zip", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tar", ".tgz", ".gzip", ".gz"),
    "Unpack it; what may stay packed is one layer of gzip, as .csv.gz.",
)
_PIPE = "It is a pipe: write to a file with such a name instead."


def _ignore(note: str) -> None:
    del note


def read_rows(path: Path, columns: Columns, note: Note = _ignore) -> Iterator[Row]:
    """Yields the rows of `path`, whose suffix says the format.

    `note` is told, in a sentence, what a person may not expect of how it is read.

    Raises:
        TextFileError: The file is empty, not of its format, damaged, cannot be opened,
            or lacks a column.
    """
    return _read(READERS.get(format_suffix(path)), path, columns, note)


def read_texts(path: Path, text_column: str, note: Note = _ignore) -> Iterator[Row]:
    """Yields rows without labels: a column, or where there are none, a line each.

    Raises:
        TextFileError: As `read_rows` does.
    """
    suffix = format_suffix(path)
    reader = READERS.get(suffix, None if suffix in _ADVICE else read_lines)
    return _read(reader, path, Columns(text=text_column, label=None), note)


def read_stream(file: BinaryIO, name: str) -> Iterator[Row]:
    """Yields a row per line of what is open already, such as standard input.

    Raises:
        TextFileError: It is no text, damaged, or cannot be read.
    """
    return _whole(lambda: _lines(file, name), name)


def _lines(file: BinaryIO, name: str) -> Iterator[Row]:
    with decoded_stream(file, name) as stream:
        yield from rows_of_lines(stream)


def _read(
    reader: Reader | None, path: Path, columns: Columns, note: Note
) -> Iterator[Row]:
    def opened() -> Iterator[Row]:
        _require_file(path)
        if reader is None:
            raise TextFileError(_unknown(path))
        return reader(path, columns, note)

    return _whole(opened, named(path))


def _whole(opened: Callable[[], Iterator[Row]], name: str) -> Iterator[Row]:
    """Passes rows on; where the file fails, says after which row."""
    row = Row(0)
    try:
        for row in opened():
            yield row
    except (EOFError, zlib.error) as error:
        raise TextFileError(
            f"{name} is damaged or cut off{_after(row.number)}: "
            f"{shown(error, 200)}. Copy or pack it again."
        ) from error
    except OSError as error:
        raise TextFileError(
            f"{name} cannot be read{_after(row.number)}: "
            f"{shown(error.strerror or error, 200)}. {_mended(error)}"
        ) from error


def _after(number: int) -> str:
    return f" after row {number}" if number else ""


def _mended(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "Ask its owner to let you read it."
    return "Is it whole? Copy or pack it again." if not error.errno else "Is it there?"


def _require_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise TextFileError(
            f"{named(path)} is a link to {named(path.readlink())}, which is not there."
        )
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise TextFileError(f"{named(path)} is a folder. Name a file.")
    if stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
        raise TextFileError(f"{named(path)} is a device. Name a file of rows.")
    if stat.S_ISREG(found.st_mode) and found.st_size == 0:
        raise TextFileError(f"{named(path)} is empty. It must hold rows of text.")


def _unknown(path: Path) -> str:
    suffix = format_suffix(path)
    ends = f"its name ends in '{shown(suffix)}'" if suffix else "its name has no ending"
    return (
        f"{named(path)} is not a format that can be read: {ends}, allowed are "
        f"{', '.join(sorted(READERS))}, also with .gz. "
        + (_PIPE if path.is_fifo() else _ADVICE.get(suffix, "Name it by what it is."))
    )
