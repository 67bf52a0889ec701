"""Rows of TFRecord files of tf.Examples, without TensorFlow."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from serving.text_files.rows import (
    Columns,
    Note,
    Records,
    Row,
    TextFileError,
    of_32_bits,
    row_of_values,
)
from serving.text_files.shown import named, shown
from serving.text_files.streams import unpacked


def read_tfrecords(path: Path, columns: Columns, note: Note) -> Iterator[Row]:
    """Yields a row per tf.Example."""
    yield from Records(path, columns).rows(_rows(path, columns, note))


def _rows(
    path: Path, columns: Columns, note: Note
) -> Iterator[tuple[Row, Iterable[str]]]:
    from google.protobuf.message import DecodeError

    from serving.client import protos

    for number, record in enumerate(_records(path, note), 1):
        try:
            features = protos.Example.FromString(record).features.feature
        except DecodeError as error:
            raise TextFileError(
                f"{named(path)}: record {number} is no tf.Example ({shown(error)}). "
                "Write tf.train.Example messages, serialised."
            ) from error
        label = "" if columns.label is None else _first(features, columns.label)
        row = row_of_values(number, _first(features, columns.text), label)
        yield row, features


def _records(path: Path, note: Note) -> Iterator[bytes]:
    try:
        from serving.formats.tfrecord import TFRecordError, records_in
    except ModuleNotFoundError as error:
        raise TextFileError(
            f"{named(path)} is a TFRecord file, and {error.name}, which checks it, is "
            "not installed. Install it with: pip install google-crc32c"
        ) from error
    number = 0
    with unpacked(path, note) as file:
        try:
            for record in records_in(file, "it"):
                number += 1
                yield record
        except TFRecordError as error:
            raise TextFileError(
                f"{named(path)} is not a TFRecord file, or is damaged or cut off after "
                f"record {number}: {error}. Copy or write it again."
            ) from error


def _first(features: Any, name: str) -> bytes | int | float | None:
    if name not in features:  # A protobuf map would make it.
        return None
    feature = features[name]
    values = (
        feature.bytes_list.value
        or feature.int64_list.value
        or [*map(of_32_bits, feature.float_list.value)]
    )
    return values[0] if len(values) == 1 else None
