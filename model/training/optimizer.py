"""AdamW that clips what all replicas learnt together."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="ktp")
class ClippedAdamW(keras.optimizers.AdamW):
    """AdamW; a gradient longer than `summed_clip_norm` is scaled down to it.

    Keras clips every replica's share before the shares are added, so with
    `global_clipnorm` two devices would train differently from one. This one measures
    the sum. (AdamW: Loshchilov and Hutter 2019, arXiv 1711.05101; clipping: Pascanu et
    al. 2013, arXiv 1211.5063, section 3.2.)
    """

    def __init__(
        self, *args: Any, summed_clip_norm: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.summed_clip_norm = summed_clip_norm

    def apply(self, grads: Sequence[Any], trainable_variables: Any = None) -> Any:
        # Dense, because rows of an embedding that occur twice must be added up first.
        dense = [tf.convert_to_tensor(gradient) for gradient in grads]
        norm = tf.linalg.global_norm(_sum_over_replicas(dense))
        scale = self.summed_clip_norm / tf.maximum(norm, self.summed_clip_norm)
        scaled = [gradient * scale for gradient in dense]
        return super().apply(scaled, trainable_variables)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"summed_clip_norm": self.summed_clip_norm}


def _sum_over_replicas(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    replica = tf.distribute.get_replica_context()
    if replica is None or replica.num_replicas_in_sync == 1:
        return gradients
    return replica.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
