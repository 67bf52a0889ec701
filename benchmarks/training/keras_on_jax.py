"""The same encoder of Keras' own layers, trained by its `fit`, on JAX.

KERAS_BACKEND=jax python -m benchmarks.training.keras_on_jax SIZE_AS_JSON
"""

import sys
from typing import Any

import keras
import numpy as np

from benchmarks.training import worker
from benchmarks.training.sizes import MAX_SEQUENCE_LENGTH, Size


class Positions(keras.layers.Layer):
    """`[B, T, D]` -> `[B, T, D]`: adds one learnt vector per position."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.positions = self.add_weight(shape=(MAX_SEQUENCE_LENGTH, shape[-1]))

    def call(self, states: Any) -> Any:
        return states + self.positions[: states.shape[1]]


def build(size: Size) -> keras.Model:
    """Pre-LN blocks around `MultiHeadAttention`; no row of the data has padding."""
    layers = keras.layers
    token_ids = keras.Input((size.tokens,), dtype="int32")
    states = layers.Embedding(size.vocabulary_size, size.hidden_dim)(token_ids)
    states = layers.Dropout(size.dropout)(Positions()(states))
    for _ in range(size.num_layers):
        states = _block(size, states)
    states = layers.LayerNormalization(epsilon=1e-6)(states)
    pooled = layers.Concatenate()(
        [layers.GlobalAveragePooling1D()(states), layers.GlobalMaxPooling1D()(states)]
    )
    logits = layers.Dense(size.num_classes)(layers.Dropout(size.dropout)(pooled))
    model = keras.Model(token_ids, logits)
    model.compile(
        optimizer=keras.optimizers.AdamW(
            size.learning_rate,
            weight_decay=size.weight_decay,
            global_clipnorm=size.clip_norm,
        ),
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=size.label_smoothing
        ),
        metrics=["accuracy"],
    )
    return model


def _block(size: Size, states: Any) -> Any:
    layers = keras.layers
    normed = layers.LayerNormalization(epsilon=1e-6)(states)
    attention = layers.MultiHeadAttention(
        size.num_heads, size.hidden_dim // size.num_heads, dropout=size.dropout
    )
    attended = layers.Dropout(size.dropout)(attention(normed, normed))
    states = layers.Add()([states, attended])
    changed = layers.LayerNormalization(epsilon=1e-6)(states)
    changed = layers.Dense(size.intermediate_dim, activation="gelu")(changed)
    changed = layers.Dense(size.hidden_dim)(changed)
    return layers.Add()([states, layers.Dropout(size.dropout)(changed)])


def main(size: Size) -> None:
    """Obeys its standard input."""
    keras.utils.set_random_seed(1)
    model = build(size)
    random = np.random.default_rng(1)
    shape = (size.rows, size.tokens)
    token_ids = random.integers(5, size.vocabulary_size, shape, np.int32)
    label_ids = random.integers(size.num_classes, size=size.rows)
    one_hot = np.eye(size.num_classes, dtype=np.float32)[label_ids]

    def steps(count: int) -> None:
        rows = [np.concatenate([values] * count) for values in (token_ids, one_hot)]
        model.fit(*rows, batch_size=size.rows, shuffle=False, verbose=0)

    worker.obey({worker.STEPS: steps})


if __name__ == "__main__":
    main(Size.from_json(sys.argv[1]))
