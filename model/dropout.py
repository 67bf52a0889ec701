"""Dropout whose masks are cheap in a program of XLA's, and differ between replicas."""

from typing import Any

import keras
import tensorflow as tf

_GOLDEN = 0x9E3779B9  # 2^32 over the golden ratio: spreads what counts up by one.


@keras.saving.register_keras_serializable(package="ktp")
class Dropout(keras.layers.Dropout):
    """Keras' Dropout (Srivastava et al. 2014), but for where its bits come from.

    TensorFlow's generator draws them, 16 for an element where Keras takes 32. With
    `is_compiled` they are a hash of each element's place, which XLA fuses into the
    multiplication; the program that it makes of TensorFlow's generator costs as much
    as the matrix products of a small encoder.
    """

    is_compiled = False

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.rate:
            return inputs
        seed = tf.cast(self.seed_generator.next(), tf.int32) + _replica()
        bits = hashed_bits if self.is_compiled else drawn_bits
        drawn = bits(tf.shape(inputs), seed)
        kept = drawn >= round(self.rate * (drawn.dtype.max + 1))
        scaled = inputs * tf.cast(1 / (1 - self.rate), inputs.dtype)
        return tf.where(kept, scaled, tf.zeros_like(scaled))


def drawn_bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """uint16 of `shape`, uniform; another seed, two int32, gives others."""
    count = tf.reduce_prod(shape)
    pairs = tf.random.stateless_uniform(
        [(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.int32
    )
    return tf.reshape(tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[:count], shape)


def hashed_bits(shape: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """uint32 of `shape`, uniform; another seed, two int32, gives others."""
    places = tf.reshape(tf.range(tf.reduce_prod(shape)), shape)
    key = _mixed(tf.bitcast(seed, tf.uint32) * tf.constant(_GOLDEN, tf.uint32))
    bits = tf.bitcast(places, tf.uint32) * tf.constant(_GOLDEN, tf.uint32)
    return _mixed(_mixed(bits + key[0]) ^ key[1])


def _mixed(bits: tf.Tensor) -> tf.Tensor:
    """A bijection that scatters neighbours: Wellons' `lowbias32`, public domain."""
    for shift, factor in ((16, 0x21F0AAAD), (15, 0x735A2D97), (15, 1)):
        shifted = tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32))
        bits = tf.bitwise.bitwise_xor(bits, shifted) * tf.constant(factor, tf.uint32)
    return bits


def _replica() -> tf.Tensor:
    """What is added to the seed, so that no two replicas drop the same."""
    replica = tf.distribute.get_replica_context()
    number = replica.replica_id_in_sync_group if replica else 0
    return tf.stack([number * 7919, 0])
