"""Rows become batches: each once, with its like, and none left behind for long."""

import itertools

import numpy as np
import tensorflow as tf

from model.training.bucketing import Batching, arrange, shuffled_batches

BATCHING = Batching(global_batch_size=4, max_sequence_length=16)


def test_every_row_is_in_one_batch_or_left_over() -> None:
    lengths = np.random.default_rng(1).integers(1, 17, size=50)
    found = arrange(tf.constant(lengths, tf.int32), BATCHING)
    rows = [*found.batches.numpy().ravel(), *found.rest.numpy()]
    assert sorted(rows) == list(range(50))
    assert len(found.rest) <= 3 * len(BATCHING.boundaries)


def test_rows_of_a_batch_reach_into_its_last_boundary() -> None:
    lengths = np.random.default_rng(2).integers(1, 17, size=50)
    found = arrange(tf.constant(lengths, tf.int32), BATCHING)
    shorter = {8: 0, 12: 8, 16: 12}
    for rows, length in zip(found.batches.numpy(), found.lengths.numpy(), strict=True):
        assert lengths[rows].max() <= length
        assert lengths[rows].min() > shorter[length]


def windows(*counts: int) -> tf.data.Dataset:
    """One window per count: so many rows, each of its own number, twice."""
    rows = iter(range(1, sum(counts) + 1))
    parts = [[[row, row] for row in itertools.islice(rows, n)] for n in counts]

    def window(number: int) -> tuple[tf.Tensor, tf.RaggedTensor, tf.Tensor]:
        ids = tf.ragged.constant(parts[number], tf.int32, ragged_rank=1)
        return tf.constant([1, number], tf.int64), ids, ids.flat_values[::2]

    first, *others = (
        tf.data.Dataset.from_tensors(window(number)) for number in range(len(counts))
    )
    for other in others:
        first = first.concatenate(other)
    return first


def test_rows_left_over_are_in_the_first_batches_of_the_next_window() -> None:
    batches = list(shuffled_batches(windows(7, 5, 4), BATCHING).as_numpy_iterator())
    seen = [label for _, labels in batches for label in labels]
    assert sorted(seen) == list(range(1, 17))
    assert set(seen[:4]) < set(range(1, 8))
    assert set(range(1, 8)) < set(seen[:12])


def test_a_batch_is_padded_to_its_boundary() -> None:
    for token_ids, labels in shuffled_batches(windows(8), BATCHING):
        assert token_ids.shape == (4, 8)
        np.testing.assert_array_equal(token_ids[:, 0], labels)
        assert not np.any(token_ids[:, 2:])


def test_the_order_depends_on_the_seed() -> None:
    def order(seed: int) -> list[int]:
        other = windows(40).map(lambda old, *rows: (old * seed, *rows))
        return [
            int(n) for _, labels in shuffled_batches(other, BATCHING) for n in labels
        ]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert sorted(order(1)) == sorted(order(2))
