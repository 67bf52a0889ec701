"""Normalised rows on disk: what ExampleGen reads."""

import shutil
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf

from model import contract
from pipeline.data.dataset import Dataset


def write(dataset: Dataset, folder: Path) -> Path:
    """Writes `<folder>/<hash>/<split>.tfrecord` and returns that sub-folder.

    Texts without a label are a split of their own.

    Equal data is not written twice: ExampleGen would take a new file time for new
    data and the cache would be lost.
    """
    target = folder / dataset.sha256[:16]
    if target.exists():
        return target
    staging = folder / f".staging-{target.name}"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    for split in contract.SPLITS:
        _write_split(staging / f"{split}.tfrecord", dataset.splits[split])
    if dataset.unlabelled:
        rows = ((text, contract.NO_LABEL) for text in dataset.unlabelled)
        _write_split(staging / f"{contract.UNLABELLED}.tfrecord", rows)
    return staging.rename(target)


def _write_split(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    with tf.io.TFRecordWriter(str(path)) as writer:
        for text, label in rows:
            writer.write(example(text, label).SerializeToString())


def example(text: str, label: str) -> tf.train.Example:
    """Makes one normalised row as ExampleGen reads it."""
    feature = {
        contract.TEXT: _bytes_feature(text),
        contract.LABEL: _bytes_feature(label),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature))


def _bytes_feature(value: str) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
