"""The wide branch in the graph: two tables, added up and scaled."""

from typing import Any

import keras

from model.layers import PACKAGE, Shape, Tensor
from model.wide.features import SMALLEST_NORM


@keras.saving.register_keras_serializable(package=PACKAGE)
class WideScores(keras.layers.Layer):
    """`[B, T]` token ids -> `[B, C]` logits of a linear model, float32.

    Computes what `WideFeatures.matrix` times the model's weights would be. Operations
    are those that device runtimes have. What it learnt is assigned, not trained.
    """

    def __init__(
        self, vocabulary_size: int, num_pairs: int, num_classes: int, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "trainable": False})
        self.vocabulary_size = vocabulary_size
        self.num_pairs = num_pairs
        self.num_classes = num_classes

    def build(self, token_ids_shape: Shape | None = None) -> None:
        tokens, pairs, classes = self.vocabulary_size, self.num_pairs, self.num_classes
        self.token_scores = self._table("token_scores", (tokens, classes))
        self.pair_scores = self._table("pair_scores", (pairs, classes))
        self.token_lengths = self._table("token_lengths", (tokens,))
        self.pair_lengths = self._table("pair_lengths", (pairs,))
        self.first = self._table("first", (tokens,), "int32")
        self.second = self._table("second", (tokens,), "int32")
        self.bias = self._table("bias", (classes,))

    def call(self, token_ids: Tensor) -> Tensor:
        of_tokens = _mean(
            keras.ops.take(self.token_scores, token_ids, axis=0),
            keras.ops.take(self.token_lengths, token_ids, axis=0),
        )
        left, right = token_ids[:, :-1], token_ids[:, 1:]
        row = keras.ops.mod(
            keras.ops.take(self.first, left, axis=0)
            + keras.ops.take(self.second, right, axis=0),
            self.num_pairs,
        )
        is_padding = keras.ops.cast(keras.ops.equal(right, 0), "float32")
        is_pair = is_padding * -1.0 + 1.0
        of_pairs = _mean(
            keras.ops.take(self.pair_scores, row, axis=0)
            * keras.ops.expand_dims(is_pair, -1),
            keras.ops.take(self.pair_lengths, row, axis=0) * is_pair,
        )
        return of_tokens + of_pairs + self.bias

    def compute_output_shape(self, token_ids_shape: Shape) -> Shape:
        return (token_ids_shape[0], self.num_classes)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "vocabulary_size": self.vocabulary_size,
            "num_pairs": self.num_pairs,
            "num_classes": self.num_classes,
        }

    def _table(self, name: str, shape: Shape, dtype: str = "float32") -> Any:
        return self.add_weight(
            name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
        )


def _mean(scores: Tensor, lengths: Tensor) -> Tensor:
    """`[B, T, C]` and `[B, T]` -> `[B, C]`: the sum, scaled to features of length 1."""
    total = keras.ops.sum(lengths * lengths, axis=1) + SMALLEST_NORM
    scale = keras.ops.expand_dims(keras.ops.rsqrt(total), -1)
    return keras.ops.sum(scores, axis=1) * scale
