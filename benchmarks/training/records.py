"""Rows of token ids as both sides read them: TFRecords for us, JSON for the others."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from benchmarks.training.sizes import Size
from model import contract

Row = tuple[Sequence[int], int]


def write(path: pathlib.Path, rows: Iterable[Row]) -> str:
    """Writes what Transform would have written, and returns the path."""
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for token_ids, label_id in rows:
            writer.write(_example(token_ids, label_id).SerializeToString())
    return str(path)


def random_rows(size: Size, batches: int) -> list[Row]:
    """Rows that are all as long as a batch of this size is wide."""
    random = np.random.default_rng(1)
    shape = (batches * size.rows, size.tokens)
    token_ids = random.integers(
        len(contract.SPECIAL_TOKENS), size.vocabulary_size, shape
    )
    label_ids = random.integers(size.num_classes, size=len(token_ids))
    return list(zip(token_ids.tolist(), label_ids.tolist(), strict=True))


def _example(token_ids: Sequence[int], label_id: int) -> tf.train.Example:
    features = {contract.TOKEN_IDS: token_ids, contract.LABEL_ID: [label_id]}
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
                for name, values in features.items()
            }
        )
    )
