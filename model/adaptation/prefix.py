"""Learnt keys and values that every token of a block attends to, before its own.

Li and Liang 2021, "Prefix-Tuning", arXiv 2101.00190; for classifiers Liu et al. 2022,
"P-Tuning v2", arXiv 2110.07602. Shapes: B batch, H heads, P prefix, T tokens.
"""

from typing import Any, TypeAlias

import keras

from model.adaptation.replacing import TrainingLayer, name_in_training, replace

Tensor: TypeAlias = keras.KerasTensor
Shape: TypeAlias = tuple[int | None, ...]

PREFIX = "prefix"
"""Attribute and name of an attention layer's `Prefix`."""
_INITIALIZER_STDDEV = 0.02


@keras.saving.register_keras_serializable(package="ktp")
class Prefix(keras.layers.Layer):
    """(keys, values `[B, H, T, d]`, padding bias `[B, T]`) -> the same, P longer.

    It is not padding, so its bias is 0.
    """

    def __init__(self, length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.length = length

    def build(self, keys_shape: Shape, *others: Shape) -> None:
        heads, head_dim = keys_shape[1], keys_shape[3]
        self.keys, self.values = (
            self.add_weight(
                name=name,
                shape=(heads, self.length, head_dim),
                initializer=keras.initializers.TruncatedNormal(_INITIALIZER_STDDEV),
            )
            for name in ("keys", "values")
        )

    def call(
        self, keys: Tensor, values: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        return prepend(self.keys, self.values, keys, values, bias)

    def compute_output_shape(
        self, keys_shape: Shape, values_shape: Shape, bias_shape: Shape
    ) -> tuple[Shape, Shape, Shape]:
        batch, heads, length, head_dim = keys_shape
        length = None if length is None else length + self.length
        longer = (batch, heads, length, head_dim)
        return longer, longer, (batch, length)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"length": self.length}


def prepend(
    prefix_keys: Tensor,
    prefix_values: Tensor,
    keys: Tensor,
    values: Tensor,
    bias: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Puts `[H, P, d]` in front of each row of `[B, H, T, d]`, and P zeros of `[B, T]`.

    The rows are copies made by addition: to a device, where B is 1, they are constants.
    """
    batch = keras.ops.shape(keys)[0]
    heads, length, head_dim = prefix_keys.shape
    first_keys, first_values = (
        keras.ops.broadcast_to(table, (batch, heads, length, head_dim))
        for table in (prefix_keys, prefix_values)
    )
    return (
        keras.ops.concatenate([first_keys, keys], axis=2),
        keras.ops.concatenate([first_values, values], axis=2),
        keras.ops.concatenate([keras.ops.zeros((batch, length), bias.dtype), bias], 1),
    )


class PrefixNetwork(TrainingLayer):
    """A `Prefix` whose keys and values a small network makes while it is trained.

    Li and Liang, section 4.3, whose network is one for all blocks; here each block has
    its own: a learnt vector per position, one hidden layer, tanh.
    """

    def __init__(self, prefix: Prefix, hidden_dim: int) -> None:
        name = name_in_training(prefix, "network")
        super().__init__(dtype=prefix.dtype_policy, name=name)
        self.prefix = prefix
        for table in prefix.variables:  # Nobody reads them while they are made.
            table.trainable = False
        heads, length, head_dim = prefix.keys.shape
        width = heads * head_dim
        self.seeds = self.add_weight(
            name="seeds", shape=(length, width), initializer="random_normal"
        )
        self.hidden = keras.layers.Dense(
            hidden_dim,
            activation="tanh",
            dtype=prefix.dtype_policy,
            name=f"{name}.hidden",
        )
        self.tables = keras.layers.Dense(
            2 * width, dtype=prefix.dtype_policy, name=f"{name}.tables"
        )
        self.hidden.build((length, width))
        self.tables.build((length, hidden_dim))
        self.built = True

    def call(
        self, keys: Tensor, values: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        first_keys, first_values = self._made()
        return prepend(first_keys, first_values, keys, values, bias)

    def merged(self) -> dict[str, Any]:
        keys, values = self._made()
        return {self.prefix.keys.path: keys, self.prefix.values.path: values}

    def _made(self) -> list[Tensor]:
        heads, length, head_dim = self.prefix.keys.shape
        tables = self.tables(self.hidden(keras.ops.convert_to_tensor(self.seeds)))
        tables = keras.ops.reshape(tables, (length, 2, heads, head_dim))
        return keras.ops.unstack(keras.ops.transpose(tables, (1, 2, 0, 3)))


def add_networks(model: keras.Model, hidden_dim: int) -> None:
    """Puts a `PrefixNetwork` in the place of every `Prefix`."""
    for owner in list(model._flatten_layers(include_self=False)):
        prefix = getattr(owner, PREFIX, None)
        if isinstance(prefix, Prefix):
            replace(owner, PREFIX, PrefixNetwork(prefix, hidden_dim))
