"""Rows of TFRecord files of tf.Examples, without TensorFlow."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.text_files.rows import (
    Columns,
    Row,
    TextFileError,
    require_columns,
    row_of_values,
)
from serving.text_files.streams import open_bytes


def read_tfrecords(path: Path, columns: Columns) -> Iterator[Row]:
    """Yields a row per tf.Example."""
    from google.protobuf.message import DecodeError

    from serving.client import protos
    from serving.formats.tfrecord import TFRecordError, records_in

    try:
        with open_bytes(path) as file:
            for number, record in enumerate(records_in(file, str(path)), 1):
                features = protos.Example.FromString(record).features.feature
                if number == 1:
                    require_columns(path, sorted(features), columns)
                text, label = (
                    _first(features, c) for c in (columns.text, columns.label)
                )
                yield row_of_values(number, text, label)
    except (TFRecordError, DecodeError) as error:
        raise TextFileError(f"{path} is not a TFRecord file of tf.Examples.") from error


def _first(features: Any, name: str) -> bytes | int | None:
    if name not in features:  # A protobuf map would make it.
        return None
    feature = features[name]
    values = feature.bytes_list.value or feature.int64_list.value
    return values[0] if len(values) == 1 else None
