"""The bytes of a file, unpacked, and the text they are.

A file is opened once, so that a pipe will do, and what it holds is seen from its first
bytes: a name promises much.
"""

import codecs
import contextlib
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from serving.text_files.rows import Note, TextFileError
from serving.text_files.shown import named

# With the method, which is always 8: a TFRecord may begin with the other two.
_GZIP = b"\x1f\x8b\x08"
_HEAD_BYTES = 4096
_UTF_16 = "Save it as UTF-8, for example with: iconv -f UTF-16 -t UTF-8 OLD > NEW"
_SAVE = "Save it as CSV in UTF-8."
_UNPACK = "Unpack it first; what may stay packed is gzip."
# By their first bytes; the longer of two that begin alike comes first.
_OTHERS = (
    (b"\xff\xfe\0\0", "UTF-32", _UTF_16.replace("UTF-16", "UTF-32")),
    (b"\0\0\xfe\xff", "UTF-32", _UTF_16.replace("UTF-16", "UTF-32")),
    (b"\xff\xfe", "UTF-16", _UTF_16),
    (b"\xfe\xff", "UTF-16", _UTF_16),
    (
        b"PK\x03\x04",
        "a zip archive or spreadsheet",
        f"{_SAVE} Unpack it, if an archive.",
    ),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SAVE),
    (_GZIP, "gzipped", "Unpack it: gunzip FILE."),
    (b"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
    (b"\xfd7zXZ\0", "packed with xz", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"PAR1", "a Parquet file", "Name it .parquet."),
    (b"ARROW1", "an Arrow file", "Save it as Parquet."),
    (b"Obj\x01", "an Avro file", _SAVE),
    (b"SQLite format 3", "a SQLite database", _SAVE),
    (b"%PDF", "a PDF", _SAVE),
    (b"{\\rtf", "rich text of a word processor", _SAVE),
    (b"version https://git-lfs", "a pointer of Git LFS", "Fetch it: git lfs pull."),
)
_WEB_PAGES = (b"<!doctype html", b"<html")


def format_suffix(path: Path) -> str:
    """The end of the name that says the format: `.csv`, also for `a.CSV.gz`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


@contextlib.contextmanager
def unpacked(path: Path, note: Note) -> Iterator[IO[bytes]]:
    """Opens a file; gzip is seen by its first bytes and not by its name.

    Raises:
        OSError, EOFError, zlib.error: Later, where it is damaged or cut.
    """
    with path.open("rb") as file, _unpacked(file) as inner:
        is_packed = inner is not file
        if is_packed != (path.suffix.lower() == ".gz"):
            note(
                "it is gzipped, although its name does not end in .gz"
                if is_packed
                else "it is not gzipped, although its name ends in .gz"
            )
        yield inner


@contextlib.contextmanager
def _unpacked(file: io.BufferedReader) -> Iterator[IO[bytes]]:
    if not file.peek(len(_GZIP)).startswith(_GZIP):
        yield file
        return
    with gzip.GzipFile(fileobj=file) as inner:
        yield cast(IO[bytes], inner)


@contextlib.contextmanager
def decoded(path: Path, note: Note) -> Iterator[io.TextIOWrapper]:
    """Opens UTF-8 with or without a BOM; bad bytes become lone surrogates.

    Raises:
        TextFileError: It is no text, or not in UTF-8.
    """
    with unpacked(path, note) as file:
        yield _decoded(file, named(path))


@contextlib.contextmanager
def decoded_stream(file: BinaryIO, name: str) -> Iterator[io.TextIOWrapper]:
    """Reads what is open already, such as standard input, in the same way."""
    buffered = (
        file
        if isinstance(file, io.BufferedReader)
        else io.BufferedReader(cast(io.RawIOBase, file))
    )
    with _unpacked(buffered) as inner:
        yield _decoded(inner, name)


def _decoded(file: IO[bytes], name: str) -> io.TextIOWrapper:
    head = file.peek(_HEAD_BYTES)[:_HEAD_BYTES]  # type: ignore[attr-defined]
    if (other := other_format(head)) is not None:
        what, advice = other
        # One layer of gzip has been taken off already.
        what += " twice" * head.startswith(_GZIP)
        raise TextFileError(f"{name} is {what}, not UTF-8 text. {advice}")
    return io.TextIOWrapper(
        file, encoding="utf-8-sig", errors="surrogateescape", newline=""
    )


def without_bom(line: str) -> str:
    """Takes the mark away that a second file begins with, where files were joined."""
    return line.removeprefix("\ufeff")


def other_format(head: bytes) -> tuple[str, str] | None:
    """What begins with these bytes, if no UTF-8 text, and what to do with it."""
    for mark, what, advice in _OTHERS:
        if head.startswith(mark):
            return what, advice
    if head.startswith(b"BZh") and head[4:10] == b"1AY&SY":
        return "packed with bzip2", _UNPACK
    if head[257:262] == b"ustar":
        return "a tar archive", "Unpack it first: tar -xf FILE."
    if head.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(_WEB_PAGES):
        return "a web page", "Fetch the file itself; a login may be needed."
    if head.startswith(b"<?xml"):
        return "XML", _SAVE
    # Every other byte of Latin script in UTF-16 is zero; a text has a stray one.
    zeros = head.count(0)
    if zeros > len(head) // 3 and 0 in (head[::2].count(0), head[1::2].count(0)):
        return "UTF-16 without a mark", _UTF_16
    return ("binary data", _SAVE) if zeros > len(head) // 10 else None
