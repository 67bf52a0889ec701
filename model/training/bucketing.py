"""Rows of many lengths as batches of similar length, many at a time.

tf.data's `bucket_by_sequence_length` takes each row by itself: 8 ms of processor time
for a batch of 64, when a small model needs 40 to learn from it.
"""

import dataclasses

import tensorflow as tf

Rows = tuple[tf.RaggedTensor, tf.Tensor]
"""Token ids `[N, (T)]` and targets `[N, ...]`."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batching:
    """Every text is padded to the next boundary, and batched with its like.

    Few boundaries mean few shapes, so XLA compiles few programs; each of them wastes
    little padding. `max_sequence_length` is the last boundary.
    """

    global_batch_size: int
    max_sequence_length: int

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Padded lengths: 8, 12, 16, 24, 32, 48, 64, 96 ... `max_sequence_length`."""
        steps = (size for n in range(3, 14) for size in (2**n, 2**n * 3 // 2))
        below = tuple(size for size in steps if size < self.max_sequence_length)
        return (*below, self.max_sequence_length)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Arranged:
    """Which rows make a batch, by their numbers.

    `batches` is `[M, B]`; each is padded to one of `lengths` `[M]`. `rest` are the rows
    that fill no batch.
    """

    batches: tf.Tensor
    lengths: tf.Tensor
    rest: tf.Tensor


def arrange(row_lengths: tf.Tensor, batching: Batching) -> Arranged:
    """Puts rows of one bucket together, the first ones first, in full batches."""
    boundaries = tf.constant(batching.boundaries)
    buckets = tf.searchsorted(boundaries, row_lengths)
    rows = tf.argsort(buckets, stable=True)
    counts = tf.math.bincount(buckets, minlength=len(boundaries))
    full = counts // batching.global_batch_size
    place = tf.range(tf.size(rows)) - tf.repeat(
        tf.cumsum(counts, exclusive=True), counts
    )
    is_full = place < tf.repeat(full * batching.global_batch_size, counts)
    return Arranged(
        batches=tf.reshape(rows[is_full], [-1, batching.global_batch_size]),
        lengths=tf.repeat(boundaries, full),
        rest=rows[~is_full],
    )


def shuffled_batches(windows: tf.data.Dataset, batching: Batching) -> tf.data.Dataset:
    """Yields full batches of every window, in an order that its seed says.

    What does not fill a batch comes first in the next window.

    Args:
        windows: (seed int64 `[2]`, token ids `[N, (T)]`, targets `[N, ...]`).
        batching: size and padding.
    """
    targets = windows.element_spec[2]
    nothing = (
        tf.zeros([0], tf.int32),
        tf.zeros([0], tf.int32),
        tf.zeros([0, *targets.shape[1:]], targets.dtype),
    )
    arranged = windows.scan(
        nothing, lambda state, window: _arranged(state, window, batching)
    )
    return arranged.flat_map(_batches)


def _arranged(
    state: tuple[tf.Tensor, ...], window: tuple[tf.Tensor, ...], batching: Batching
) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
    """The next state, and (token ids, targets, batches, lengths)."""
    seed, token_ids, targets = window
    order = tf.random.experimental.stateless_shuffle(tf.range(token_ids.nrows()), seed)
    kept = tf.RaggedTensor.from_row_lengths(state[0], state[1])
    token_ids = token_ids.with_row_splits_dtype(tf.int32)
    new = tf.gather(token_ids[:, : batching.max_sequence_length], order)
    token_ids = tf.concat([kept, new], axis=0)
    targets = tf.concat([state[2], tf.gather(targets, order)], axis=0)
    found = arrange(token_ids.row_lengths(), batching)
    rest = tf.gather(token_ids, found.rest)
    turns = tf.random.experimental.stateless_shuffle(
        tf.range(tf.size(found.lengths)), seed + 1
    )
    return (
        (rest.flat_values, rest.row_lengths(), tf.gather(targets, found.rest)),
        (
            *(token_ids, targets),
            *(tf.gather(found.batches, turns), tf.gather(found.lengths, turns)),
        ),
    )


def _batches(
    token_ids: tf.RaggedTensor,
    targets: tf.Tensor,
    batches: tf.Tensor,
    lengths: tf.Tensor,
) -> tf.data.Dataset:
    size = batches.shape[1]

    def batch(rows: tf.Tensor, length: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        padded = tf.gather(token_ids, rows).to_tensor(shape=tf.stack([size, length]))
        return tf.ensure_shape(padded, [size, None]), tf.gather(targets, rows)

    return tf.data.Dataset.from_tensor_slices((batches, lengths)).map(batch)
