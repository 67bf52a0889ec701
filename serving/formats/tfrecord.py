"""TFRecord files without TensorFlow: length, payload, and a checksum of each."""

import functools
import pathlib
import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

_POLYNOMIAL = np.uint32(0x82F63B78)  # CRC-32C, bits reversed
_BLOCK = 512
_MASK_DELTA = 0xA282EAD8
_LENGTH, _CHECKSUM = struct.Struct("<Q"), struct.Struct("<I")


class TFRecordError(ValueError):
    """A file that is no TFRecord file, is damaged, or ends in the middle."""


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
    """The records of a file, one after the other.

    Raises:
        TFRecordError: after the last record that is whole.
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        size = pathlib.Path(path).stat().st_size
        while header := file.read(_LENGTH.size + _CHECKSUM.size):
            place = f"{path} at byte {file.tell() - len(header)}"
            length = _checked(header, _LENGTH.size, place)
            (count,) = _LENGTH.unpack(length)
            if count > size - file.tell():
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
    """The checksum as TFRecord files store it."""
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), about 100 MB/s.

    A checksum is linear: that of a block is the exclusive or of what each byte, at its
    distance from the end, contributes. So a table by distance and byte value turns the
    loop over bytes into one over blocks.
    """
    table = _contributions()
    rest = np.frombuffer(data, np.uint8)
    crc = 0xFFFFFFFF
    while len(rest):
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        count = len(block)
        head = min(count, 4)
        block = block.copy()
        # The checksum so far acts on the first four bytes; what they cannot take,
        # in a block shorter than that, moves on.
        block[:head] ^= np.frombuffer(_CHECKSUM.pack(crc), np.uint8)[:head]
        parts = table[np.arange(count - 1, -1, -1), block]
        crc = crc >> (8 * head) ^ int(np.bitwise_xor.reduce(parts))
    return crc ^ 0xFFFFFFFF


@functools.cache
def _contributions() -> np.ndarray:
    """`[distance from the end, byte]`: the checksum of that byte and zeros after it."""
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = (first >> 1) ^ np.where(first & 1, _POLYNOMIAL, np.uint32(0))
    table = np.empty((_BLOCK, 256), np.uint32)
    table[0] = first
    for distance in range(1, _BLOCK):
        before = table[distance - 1]
        table[distance] = (before >> 8) ^ first[before & 0xFF]
    return table
