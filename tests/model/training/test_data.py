"""Batches of similar length: nothing lost, nothing mixed up, little padding."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.training import augmentation, data
from model.training.bucketing import Batching
from tests.support.token_records import keyword_rows, write_token_records

BATCHING = Batching(global_batch_size=8, max_sequence_length=24)
ROWS = keyword_rows(101)


@pytest.fixture(scope="module")
def chunks(tmp_path_factory: pytest.TempPathFactory) -> tf.data.Dataset:
    folder = tmp_path_factory.mktemp("records")
    write_token_records(folder / "part-0.gz", ROWS[:60])
    write_token_records(folder / "part-1.gz", ROWS[60:])
    return data.read_chunks([str(folder / "part-*")])


def test_examples_come_in_the_order_of_the_files(chunks: tf.data.Dataset) -> None:
    rows = chunks.unbatch().as_numpy_iterator()
    read = [(ids.tolist(), label) for ids, label in rows]
    assert read == [(list(ids), label) for ids, label in ROWS]


def test_pattern_without_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing-here"):
        data.read_chunks([str(tmp_path / "nothing-here*")])


def test_every_example_is_evaluated_once(chunks: tf.data.Dataset) -> None:
    batches = data.evaluation_batches(chunks, BATCHING)
    seen = [
        (tuple(row[row != 0]), int(label))
        for ids, labels in batches.as_numpy_iterator()
        for row, label in zip(ids, labels, strict=True)
    ]
    assert sorted(seen) == sorted((tuple(ids), label) for ids, label in ROWS)
    assert len(list(batches)) == batches.cardinality()


def test_evaluation_without_examples_is_an_error(tmp_path: Path) -> None:
    empty = data.read_chunks([write_token_records(tmp_path / "empty.gz", [])])
    with pytest.raises(ValueError, match="no examples"):
        data.evaluation_batches(empty, BATCHING)


def test_text_is_padded_to_the_next_boundary_only(chunks: tf.data.Dataset) -> None:
    assert BATCHING.boundaries == (8, 12, 16, 24)
    for ids, _ in data.evaluation_batches(chunks, BATCHING).as_numpy_iterator():
        lengths = (ids != 0).sum(axis=1)
        shorter = [size for size in BATCHING.boundaries if size < ids.shape[1]]
        assert ids.shape[1] in BATCHING.boundaries
        assert lengths.min() > max(shorter, default=0)


def test_text_beyond_the_longest_is_cut(tmp_path: Path) -> None:
    path = write_token_records(tmp_path / "long.gz", [(range(5, 45), 1)])
    ((ids, _),) = data.evaluation_batches(data.read_chunks([path]), BATCHING)
    assert ids.shape == (1, 24)


def unchanged(token_ids: tf.RaggedTensor, seed: object) -> tf.RaggedTensor:
    return token_ids


def training_epoch(
    chunks: tf.data.Dataset, augment: data.Augment = unchanged, seed: int = 1
) -> list[np.ndarray]:
    batches = data.training_batches(chunks, BATCHING, augment, seed=seed)
    return [ids for ids, _ in itertools.islice(batches.as_numpy_iterator(), 12)]


def test_training_batches_are_always_full(chunks: tf.data.Dataset) -> None:
    assert {len(ids) for ids in training_epoch(chunks)} == {8}


def test_training_order_follows_the_seed(chunks: tf.data.Dataset) -> None:
    first, again = training_epoch(chunks), training_epoch(chunks)
    other = training_epoch(chunks, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_training_rows_keep_their_labels(chunks: tf.data.Dataset) -> None:
    label_of = {tuple(ids): label for ids, label in ROWS}
    batches = data.training_batches(chunks, BATCHING, unchanged, seed=1)
    for ids, labels in batches.take(12).as_numpy_iterator():
        assert labels.tolist() == [label_of[tuple(row[row != 0])] for row in ids]


def rows_of(chunks: tf.data.Dataset) -> list[tuple[tuple[int, ...], int]]:
    return [
        (tuple(ids), label)
        for token_ids, labels in chunks
        for ids, label in zip(token_ids.to_list(), labels.numpy().tolist(), strict=True)
    ]


def test_a_sample_has_all_rows_of_few_and_some_of_many_from_everywhere(
    chunks: tf.data.Dataset,
) -> None:
    everything = rows_of(chunks)
    assert rows_of(data.sample(chunks, 10.0, seed=1)) == everything
    some = rows_of(data.sample(chunks, 25 / len(ROWS), seed=1))
    assert 10 < len(some) < 40
    places = [everything.index(row) for row in some]
    assert places == sorted(places)
    assert places[0] < 20 < len(everything) - 20 < places[-1]
    assert rows_of(data.sample(chunks, 25 / len(ROWS), seed=1)) == some
    assert rows_of(data.sample(chunks, 25 / len(ROWS), seed=2)) != some


def test_a_survey_counts_rows_and_lists_ids_where_asked_to(tmp_path: Path) -> None:
    rows = [([7, 3], 1), ([3], contract.NO_LABEL_ID), ([9, 7], 0)]
    path = write_token_records(tmp_path / "some.gz", rows)
    chunks = data.read_chunks([path])
    found = data.survey(chunks, with_token_ids=True)
    assert found == data.Survey(rows=3, labelled=2, token_ids=frozenset({3, 7, 9}))
    assert data.survey(chunks).token_ids == frozenset()


def test_rows_without_a_label_are_in_no_sample(tmp_path: Path) -> None:
    rows = [
        (ids, contract.NO_LABEL_ID if n % 3 else 1) for n, (ids, _) in enumerate(ROWS)
    ]
    path = write_token_records(tmp_path / "some.gz", rows)
    some = rows_of(data.sample(data.read_chunks([path]), 1.1, seed=1))
    assert len(some) == len(rows[::3])
    assert {label for _, label in some} == {1}


def test_augmentation_changes_with_every_epoch(chunks: tf.data.Dataset) -> None:
    drop = augmentation.Augmentation(token_dropout=0.5)
    batches = data.training_batches(chunks, BATCHING, drop, seed=1)
    seen = [row.tobytes() for ids, _ in batches.take(60) for row in ids.numpy()]
    assert len(set(seen)) > 2 * len(ROWS)


def test_augmentation_follows_the_seed(chunks: tf.data.Dataset) -> None:
    drop = augmentation.Augmentation(token_dropout=0.5)
    first, again = training_epoch(chunks, drop), training_epoch(chunks, drop)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
