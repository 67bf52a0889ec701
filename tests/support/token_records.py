"""Writes transformed examples as the pipeline does: gzip TFRecords of token ids."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from model import contract

START_ID = contract.SPECIAL_TOKENS.index(contract.START)
END_ID = contract.SPECIAL_TOKENS.index(contract.END)
FIRST_WORD_ID = len(contract.SPECIAL_TOKENS)

Row = tuple[Sequence[int], int]


def write_token_records(path: Path, rows: Iterable[Row]) -> str:
    """Writes (token ids, label id) rows and returns the path."""
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for token_ids, label_id in rows:
            writer.write(_example(token_ids, label_id).SerializeToString())
    return str(path)


def padded(token_ids: Sequence[Sequence[int]]) -> np.ndarray:
    """One int32 batch `[B, T]`, as long as its longest row."""
    return tf.ragged.constant(token_ids).to_tensor(contract.PAD_ID).numpy()


def keyword_rows(count: int, *, num_classes: int = 4, seed: int = 0) -> list[Row]:
    """Texts of 2 to 20 words of which one names the class: learnt in a few steps."""
    random = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        label_id = index % num_classes
        words = random.integers(20, 60, size=random.integers(2, 20))
        words[random.integers(len(words))] = FIRST_WORD_ID + label_id
        rows.append(([START_ID, *words.tolist(), END_ID], label_id))
    return rows


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
