"""The bytes of a file, unpacked, and the text they are."""

import gzip
import io
from pathlib import Path
from typing import IO, cast

from serving.text_files.rows import TextFileError

_BYTE_ORDER_MARKS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"PK\x03\x04": "a zip archive or spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
}


def format_suffix(path: Path) -> str:
    """The end of the name that says the format: `.csv`, also for `a.CSV.gz`."""
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix == ".gz" else suffix


def open_bytes(path: Path) -> IO[bytes]:
    """Opens a file, unpacked where its name ends in `.gz`."""
    is_packed = path.suffix.lower() == ".gz"
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


def open_text(path: Path) -> io.TextIOWrapper:
    """Decodes UTF-8 with or without a BOM; bad bytes become lone surrogates."""
    with open_bytes(path) as file:
        head = file.read(4)
    for mark, name in _BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            raise TextFileError(f"{path} is {name}, not UTF-8 text. Save it as UTF-8.")
    return io.TextIOWrapper(
        open_bytes(path),
        encoding="utf-8-sig",
        errors="surrogateescape",
        newline="",
    )
