"""What a graph answers to batches of token ids, gathered."""

from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf


def gather(
    model: keras.Model, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Runs the model as in inference, compiled once for all lengths.

    Args:
        model: of one input, token ids `[B, T]`.
        batches: token ids and label ids `[B]`; at least one.

    Returns:
        Each output of the model, float32 `[N, ...]`, and the label ids `[N]`.
    """

    @tf.function(reduce_retracing=True)
    def answers(token_ids: tf.Tensor) -> list[tf.Tensor]:
        outputs = tf.nest.flatten(model(token_ids, training=False))
        return [tf.cast(output, tf.float32) for output in outputs]

    found = [(*answers(token_ids), label_ids) for token_ids, label_ids in batches]
    *outputs, label_ids = (
        np.concatenate([np.asarray(each) for each in column])
        for column in zip(*found, strict=True)
    )
    return outputs, label_ids
