"""TFRecord without TensorFlow: the same bytes, and damage is seen."""

import io
import pathlib
import random

import pytest

from serving.formats.tfrecord import (
    TFRecordError,
    masked_crc32c,
    read_records,
    write_record,
)

RECORDS = [b"", b"a", b"0123456789" * 200, random.Random(1).randbytes(5000)]


def file_bytes(records: list[bytes]) -> bytes:
    file = io.BytesIO()
    for record in records:
        write_record(file, record)
    return file.getvalue()


def crc32c(data: bytes) -> int:
    """The checksum without the mask."""
    rotated = (masked_crc32c(data) - 0xA282EAD8) & 0xFFFFFFFF
    return ((rotated << 15) | (rotated >> 17)) & 0xFFFFFFFF


def bitwise_crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    "data, checksum",
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_checksums_are_those_of_rfc_3720(data: bytes, checksum: int) -> None:
    assert crc32c(data) == checksum


@pytest.mark.parametrize(
    "size", [1, 2, 3, 4, 5, 511, 512, 513, 514, 515, 516, 517, 1024, 1500]
)
def test_data_of_any_length_has_the_checksum_of_the_definition(size: int) -> None:
    data = random.Random(size).randbytes(size)
    assert crc32c(data) == bitwise_crc32c(data)


def test_the_mask_is_tensorflow_s() -> None:
    assert masked_crc32c(b"") == 0xA282EAD8
    assert masked_crc32c(b"123456789") == 0xC78AB0E5


def test_what_was_written_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_bytes(file_bytes(RECORDS))
    assert list(read_records(tmp_path / "f")) == RECORDS


@pytest.mark.parametrize("cut", [1, 11, 12, 15, 16])
def test_a_file_that_ends_in_the_middle_gives_what_is_whole(
    tmp_path: pathlib.Path, cut: int
) -> None:
    (tmp_path / "f").write_bytes(file_bytes([b"whole", b"x"])[:-cut])
    found = read_records(tmp_path / "f")
    assert next(found) == b"whole"
    with pytest.raises(TFRecordError, match="truncated record in .*f at byte 21"):
        next(found)


def test_a_length_beyond_the_file_asks_for_no_memory(tmp_path: pathlib.Path) -> None:
    length = (2**50).to_bytes(8, "little")
    checksum = masked_crc32c(length).to_bytes(4, "little")
    (tmp_path / "f").write_bytes(length + checksum + b"little")
    with pytest.raises(TFRecordError, match="truncated record in .*f at byte 0"):
        list(read_records(tmp_path / "f"))


@pytest.mark.parametrize("place", [0, 9, 12, 40, -1])
def test_a_flipped_bit_is_seen(tmp_path: pathlib.Path, place: int) -> None:
    content = bytearray(file_bytes([b"0123456789" * 10]))
    content[place] ^= 1
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(TFRecordError, match="corrupted record in .*f at byte 0"):
        list(read_records(tmp_path / "f"))


def test_text_is_not_a_tfrecord(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f").write_text("this is just text, long enough for a header")
    with pytest.raises(TFRecordError, match="corrupted record"):
        list(read_records(tmp_path / "f"))
