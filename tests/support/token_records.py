"""Writes transformed examples as the pipeline does: gzip TFRecords of token ids."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from model import contract

START_ID = contract.SPECIAL_TOKENS.index(contract.START)
END_ID = contract.SPECIAL_TOKENS.index(contract.END)
FIRST_WORD_ID = len(contract.SPECIAL_TOKENS)

Row = tuple[Sequence[int], int]
Teacher = Callable[[Sequence[int]], np.ndarray]


def write_token_records(
    path: Path, rows: Iterable[Row], *, teacher: Teacher | None = None
) -> str:
    """Writes (token ids, label id) rows, with what a teacher says; returns the path."""
    with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
        for token_ids, label_id in rows:
            example = _example(token_ids, label_id)
            if teacher is not None:
                scores = teacher(token_ids).astype(np.float16).tobytes()
                feature = example.features.feature[contract.TEACHER_SCORES]
                feature.bytes_list.value.append(scores)
            writer.write(example.SerializeToString())
    return str(path)


def moody_teacher(token_ids: Sequence[int]) -> np.ndarray:
    """Log-scores of four classes: of each row others, which tell it from all."""
    random = np.random.default_rng(list(token_ids))
    return np.log(random.dirichlet(np.ones(4)))


def keyword_teacher(token_ids: Sequence[int]) -> np.ndarray:
    """Log-scores that name the class of `keyword_rows`."""
    return np.array([0.0 if FIRST_WORD_ID + n in token_ids else -6.0 for n in range(4)])


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
