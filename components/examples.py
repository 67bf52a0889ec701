"""Reads the text and the label out of tf.Examples."""

from collections.abc import Iterator

import tensorflow as tf

from model import contract


def parse_row(record: bytes) -> tuple[bytes, bytes]:
    """Gives `(text, label)` of a serialised tf.Example, both UTF-8."""
    features = tf.train.Example.FromString(record).features.feature
    text = features[contract.TEXT].bytes_list.value
    label = features[contract.LABEL].bytes_list.value
    if len(text) != 1 or len(label) != 1:
        raise ValueError(
            f"An example has {len(text)} '{contract.TEXT}' and {len(label)} "
            f"'{contract.LABEL}' values; each row needs exactly one of both."
        )
    return text[0], label[0]


def read_rows(split_uri: str) -> Iterator[tuple[bytes, bytes]]:
    """Yields `(text, label)` of every example of a split that ExampleGen wrote."""
    files = sorted(tf.io.gfile.glob(f"{split_uri}/*"))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    for record in records.as_numpy_iterator():
        yield parse_row(record)
