"""Rows of text and label as nodes hand them on: as tf.Examples, and with scores."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.predictions import ScoredRows
from pipeline.data.tfrecords import example

LABELS = ["a", "b", "c"]
SCORES = np.array(
    [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.6, 0.3, 0.1]], np.float32
)


def scored_rows() -> ScoredRows:
    """Four rows of three labels; the last one is wrong."""
    return ScoredRows(
        texts=["one", "two", "three", "four"],
        true_labels=["a", "b", "c", "b"],
        labels=LABELS,
        scores=SCORES,
    )


def write_examples(folder: Path, rows: Iterable[tuple[str, str]]) -> str:
    """Writes (text, label) rows as ExampleGen does and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for text, label in rows:
            writer.write(example(text, label).SerializeToString())
    return str(folder)
