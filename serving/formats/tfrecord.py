"""TFRecord files without TensorFlow: length, payload, and a checksum of each.

Needs google-crc32c: the `server` and `pipeline` extras bring it, `client` does not.
"""

import pathlib
import struct
from collections.abc import Iterator
from typing import IO, BinaryIO

import google_crc32c

MAX_RECORD_BYTES = 2**31
"""No message is longer; a length beyond it is damage, and is not allocated."""
_MASK_DELTA = 0xA282EAD8
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")


class TFRecordError(ValueError):
    """A file that is not a TFRecord file, is damaged, or ends in the middle."""


def write_record(file: BinaryIO, record: bytes) -> int:
    """Appends one record and returns how many bytes that took."""
    length = _LENGTH.pack(len(record))
    framed = b"".join(
        (
            length,
            _CHECKSUM.pack(masked_crc32c(length)),
            record,
            _CHECKSUM.pack(masked_crc32c(record)),
        )
    )
    file.write(framed)
    return len(framed)


def read_records(path: str | pathlib.Path) -> Iterator[bytes]:
    """Yields the records of a file, one after the other.

    Raises:
        TFRecordError: after the last record that is whole.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        yield from records_in(file, str(path), pathlib.Path(path).stat().st_size)


def records_in(
    file: IO[bytes], name: str, max_bytes: int = MAX_RECORD_BYTES
) -> Iterator[bytes]:
    """Yields the records of an open file, which may be a pipe or be unpacked.

    Raises:
        TFRecordError: after the last record that is whole.
        OSError: the file cannot be read.
    """
    position = 0
    while header := file.read(_LENGTH.size + _CHECKSUM.size):
        place = f"{name} at byte {position}"
        length = _checked(header, _LENGTH.size, place)
        (count,) = _LENGTH.unpack(length)
        position += len(header) + count + _CHECKSUM.size
        if count > max_bytes:
            raise TFRecordError(f"truncated record in {place}")
        yield _checked(file.read(count + _CHECKSUM.size), count, place)


def _checked(framed: bytes, count: int, place: str) -> bytes:
    if len(framed) != count + _CHECKSUM.size:
        raise TFRecordError(f"truncated record in {place}")
    (expected,) = _CHECKSUM.unpack_from(framed, count)
    content = framed[:count]
    if masked_crc32c(content) != expected:
        raise TFRecordError(f"corrupted record in {place}")
    return content


def masked_crc32c(data: bytes) -> int:
    """Computes the checksum as TFRecord files store it."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF
