"""Transformed TFRecords as batches of similar length, so short texts stay cheap."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from model import contract
from model.training import distillation
from model.training.bucketing import Batching, Rows, shuffled_batches

# Rows are shuffled within a chunk: some megabytes of token ids.
_CHUNK = 50_000
_PREFETCHED = 4

Augment = Callable[[tf.RaggedTensor, tuple[tf.Tensor, tf.Tensor]], tf.RaggedTensor]


def read_chunks(
    patterns: Sequence[str], *, taught_classes: int | None = None
) -> tf.data.Dataset:
    """Reads chunks of examples in the order of the files.

    Args:
        patterns: globs of gzip TFRecords.
        taught_classes: how many classes a teacher has scored each row for; None where
            there is no teacher.

    Returns:
        (token ids int32 `[N, (T)]` ragged, targets); N is 50,000, fewer in the last
        chunk. Targets are label ids int32 `[N]` or, with a teacher, what
        `distillation.target` makes of them and its scores.

    Raises:
        FileNotFoundError: no file matches a pattern.
    """
    paths = sorted(path for p in patterns for path in _matching(p))
    records = tf.data.TFRecordDataset(paths, compression_type="GZIP")
    options = tf.data.Options()
    # Several hosts share every file row by row; with one host this changes nothing.
    policy = tf.data.experimental.AutoShardPolicy.DATA
    options.experimental_distribute.auto_shard_policy = policy
    parse = _parse if taught_classes is None else _parse_taught(taught_classes)
    chunks = records.batch(_CHUNK).map(parse, tf.data.AUTOTUNE)
    return chunks.with_options(options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Survey:
    """What is in a split: rows, those of them with a label, and the ids that occur."""

    rows: int
    labelled: int
    token_ids: frozenset[int]


def survey(chunks: tf.data.Dataset, *, with_token_ids: bool = False) -> Survey:
    """Reads everything once; lists token ids only where asked to."""
    rows, labelled = 0, 0
    found: set[int] = set()
    for token_ids, target in chunks:
        label_ids = distillation.label_ids(target).numpy()
        rows += len(label_ids)
        labelled += np.count_nonzero(label_ids != contract.NO_LABEL_ID)
        if with_token_ids:
            found.update(np.unique(token_ids.flat_values.numpy()).tolist())
    return Survey(rows=rows, labelled=int(labelled), token_ids=frozenset(found))


def labelled_rows(chunks: tf.data.Dataset) -> tuple[list[np.ndarray], np.ndarray]:
    """Reads the token ids of each row that has a label, and the label ids, `[R]`."""
    rows: list[np.ndarray] = []
    found = []
    for token_ids, target in chunks:
        label_ids = distillation.label_ids(target).numpy()
        is_labelled = label_ids != contract.NO_LABEL_ID
        each = np.split(token_ids.flat_values.numpy(), token_ids.row_splits[1:-1])
        rows += [row for row, known in zip(each, is_labelled, strict=True) if known]
        found.append(label_ids[is_labelled])
    return rows, np.concatenate(found)


def sample(chunks: tf.data.Dataset, share: float, *, seed: int) -> tf.data.Dataset:
    """Draws about that share of the labelled rows, or takes all; their targets are ids.

    From everywhere: rows may be sorted by label.
    """

    def drawn(index: tf.Tensor, chunk: Rows) -> Rows:
        label_ids = distillation.label_ids(chunk[1])
        draws = tf.random.stateless_uniform(tf.shape(label_ids), (seed, index))
        is_drawn = (label_ids != contract.NO_LABEL_ID) & (draws < share)
        return tf.ragged.boolean_mask(chunk[0], is_drawn), label_ids[is_drawn]

    return chunks.enumerate().map(drawn)


def training_batches(
    chunks: tf.data.Dataset, batching: Batching, augment: Augment, *, seed: int
) -> tf.data.Dataset:
    """Yields endless shuffled batches, all of the full size.

    What does not fill a batch at the end of an epoch waits for the next one. So every
    replica always has the same number of rows, and the mean of the replicas' losses is
    the loss of the batch.

    Args:
        chunks: as `read_chunks` gives them.
        batching: size and padding.
        augment: changes the token ids of a chunk, given two integers as seed.
        seed: at least 1; the same seed gives the same batches.
    """
    windows = tf.data.Dataset.counter(seed).flat_map(
        lambda epoch_seed: _epoch(chunks, augment, epoch_seed)
    )
    return shuffled_batches(windows, batching).prefetch(_PREFETCHED)


def _epoch(
    chunks: tf.data.Dataset, augment: Augment, seed: tf.Tensor
) -> tf.data.Dataset:
    # Each epoch has a seed of its own. `shuffle().repeat()` would go on from wherever
    # an earlier iterator over the same data has read ahead to.
    def changed(index: tf.Tensor, chunk: Rows) -> tuple[tf.Tensor, ...]:
        return tf.stack([seed, index]), augment(chunk[0], (seed, index)), chunk[1]

    return chunks.enumerate().map(changed)


def evaluation_batches(chunks: tf.data.Dataset, batching: Batching) -> tf.data.Dataset:
    """Yields every example once; kept in memory, for every epoch asks for all.

    Raises:
        ValueError: there are no examples.
    """
    batches = _bucket(chunks.unbatch(), batching).cache()
    count = batches.reduce(np.int64(0), lambda total, _: total + 1)
    if not count:
        raise ValueError("There are no examples to evaluate.")
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def _bucket(examples: tf.data.Dataset, batching: Batching) -> tf.data.Dataset:
    longest = batching.max_sequence_length
    return examples.map(
        lambda ids, other: (ids[:longest], other)
    ).bucket_by_sequence_length(
        lambda ids, _: tf.size(ids),
        bucket_boundaries=[size + 1 for size in batching.boundaries],
        bucket_batch_sizes=[batching.global_batch_size]
        * (len(batching.boundaries) + 1),
        pad_to_bucket_boundary=True,
    )


def _parse(records: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
    features = {
        contract.TOKEN_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int32),
        contract.LABEL_ID: tf.io.FixedLenFeature([], tf.int64),
    }
    row = tf.io.parse_example(records, features)
    token_ids = tf.cast(row[contract.TOKEN_IDS], tf.int32)
    return token_ids, tf.cast(row[contract.LABEL_ID], tf.int32)


def _parse_taught(
    count: int,
) -> Callable[[tf.Tensor], tuple[tf.RaggedTensor, tf.Tensor]]:
    features = {contract.TEACHER_SCORES: tf.io.FixedLenFeature([], tf.string)}

    def parse(records: tf.Tensor) -> tuple[tf.RaggedTensor, tf.Tensor]:
        token_ids, label_ids = _parse(records)
        scores = tf.io.parse_example(records, features)[contract.TEACHER_SCORES]
        return token_ids, distillation.target(label_ids, scores, count)

    return parse


def _matching(pattern: str) -> list[str]:
    paths = tf.io.gfile.glob(pattern)
    if not paths:
        raise FileNotFoundError(f"No TFRecord file matches {pattern!r}.")
    return paths
