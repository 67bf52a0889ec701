"""Numbers as one byte each, in blocks of 256 that share a scale."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

BLOCK = 256

_DECADES = 7
"""Powers of ten below the largest number of a block that a code can still say."""

# A decade has half as many levels as the one above it; the last has one or two.
_SIGNED_LEVELS = 64
_UNSIGNED_LEVELS = 128


class Coded(NamedTuple):
    """`codes` int8 or uint8 `[N, 256]`, 0 for zero, and `scales` float32 `[N, 1]`."""

    codes: tf.Tensor
    scales: tf.Tensor


def encode_signed(blocks: tf.Tensor) -> Coded:
    """Writes numbers `[N, 256]` of any sign; what is very small becomes 0."""
    magnitudes, scales = _encode(tf.abs(blocks), _SIGNED_LEVELS)
    small = tf.abs(blocks) < scales * 10.0**-_DECADES
    codes = tf.where(small, 0.0, tf.sign(blocks) * magnitudes)
    return Coded(tf.cast(codes, tf.int8), scales)


def encode_positive(blocks: tf.Tensor) -> Coded:
    """Writes numbers `[N, 256]` from 0; only 0 itself becomes 0."""
    magnitudes, scales = _encode(blocks, _UNSIGNED_LEVELS)
    codes = tf.where(blocks > 0, magnitudes, 0.0)
    return Coded(tf.cast(codes, tf.uint8), scales)


def decode(coded: Coded) -> tf.Tensor:
    """Reads what either of the two wrote, as float32 `[N, 256]`."""
    if coded.codes.dtype == tf.uint8:
        table = values(_UNSIGNED_LEVELS)
        index = tf.cast(coded.codes, tf.int32)
    else:
        table = np.concatenate([-values(_SIGNED_LEVELS)[:0:-1], values(_SIGNED_LEVELS)])
        index = tf.cast(coded.codes, tf.int32) + len(table) // 2
    return tf.gather(tf.constant(table, tf.float32), index) * coded.scales


def values(levels: int) -> np.ndarray:
    """Lists what the codes from 0 on say, in parts of a block's scale.

    The dynamic code of Dettmers et al. 2021 (arXiv 2110.02861, section 2.2): each
    decade below 1 is cut into equal cells, and a code says the middle of its cell.
    """
    found = [np.zeros(1)]
    for decade in reversed(range(_DECADES)):
        cells = levels >> decade
        middles = 0.1 + 0.9 * (np.arange(cells) + 0.5) / cells
        found.append(middles * 10.0**-decade)
    return np.concatenate(found)


def _encode(numbers: tf.Tensor, levels: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds each number's code, from 1, and the scales; the largest is kept exactly."""
    largest = values(levels)[-1].astype("float32")
    scales = tf.reduce_max(numbers, axis=-1, keepdims=True) / largest
    parts = tf.math.divide_no_nan(numbers, scales)
    tiniest = 10.0 ** -(_DECADES + 1)
    decade = tf.floor(-tf.math.log(tf.maximum(parts, tiniest)) / np.log(10.0))
    decade = tf.clip_by_value(decade, 0.0, _DECADES - 1.0)
    cells = levels * tf.pow(0.5, decade)
    cell = tf.floor((parts * tf.pow(10.0, decade) - 0.1) / 0.9 * cells)
    cell = tf.clip_by_value(cell, 0.0, cells - 1.0)
    below = cells - (levels >> (_DECADES - 1))
    return below + cell + 1.0, scales
