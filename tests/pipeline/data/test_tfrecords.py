"""Rows on disk for ExampleGen: all of them, once, under the name of their hash."""

import dataclasses
from pathlib import Path

import pytest
import tensorflow as tf

from model import contract
from pipeline.data import tfrecords
from pipeline.data.dataset import Dataset

ROWS = {
    contract.TRAIN: [("rain 🌨", "weather"), ("soup", "größe"), ("sun", "weather")],
    contract.VALIDATION: [("snow", "weather")],
    contract.TEST: [("bread", "größe")],
}


def dataset(**changes: list[tuple[str, str]]) -> Dataset:
    return Dataset(source="s", splits={**ROWS, **changes}, dropped={})


def read(path: Path) -> list[tuple[str, str]]:
    rows = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        (text,) = feature[contract.TEXT].bytes_list.value
        (label,) = feature[contract.LABEL].bytes_list.value
        rows.append((text.decode(), label.decode()))
    return rows


def test_every_split_holds_its_rows_in_order(tmp_path: Path) -> None:
    folder = tfrecords.write(dataset(), tmp_path)
    for split, rows in ROWS.items():
        assert read(folder / f"{split}.tfrecord") == rows
    assert len(list(folder.iterdir())) == 3


def test_equal_data_is_not_written_again(tmp_path: Path) -> None:
    first = tfrecords.write(dataset(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    assert tfrecords.write(dataset(), tmp_path) == first
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == before


def test_other_data_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    first = tfrecords.write(dataset(), tmp_path)
    other = tfrecords.write(dataset(test=[("bread", "weather")]), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {first.name, other.name}


def test_what_an_interrupted_write_left_is_replaced(tmp_path: Path) -> None:
    name = dataset().sha256[:16]
    (tmp_path / f".staging-{name}").mkdir()
    (tmp_path / f".staging-{name}" / "stale").touch()
    folder = tfrecords.write(dataset(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not (folder / "stale").exists()


def test_an_interrupted_write_does_not_pass_for_a_finished_one(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        tfrecords.write(dataset(test=[("half \ud83d", "x")]), tmp_path)
    assert all(path.name.startswith(".staging-") for path in tmp_path.iterdir())


def test_texts_without_a_label_are_a_split_of_their_own(tmp_path: Path) -> None:
    unlabelled = dataclasses.replace(dataset(), unlabelled=("wind", "größer"))
    folder = tfrecords.write(unlabelled, tmp_path)
    rows = read(folder / f"{contract.UNLABELLED}.tfrecord")
    assert rows == [("wind", contract.NO_LABEL), ("größer", contract.NO_LABEL)]
    assert folder != tfrecords.write(dataset(), tmp_path)
