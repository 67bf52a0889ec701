"""Layers of the encoder. Every one saves, loads, and converts to TFLite builtins.

Shapes: B batch, T tokens, D hidden_dim, H heads.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import keras

from model.adaptation.prefix import PREFIX, Prefix
from model.dropout import Dropout

Tensor: TypeAlias = keras.KerasTensor
Shape = tuple[int, ...]
"""As Keras hands it on: what varies, B and T, is None."""

PACKAGE = "ktp"
MASKED = -30.0
"""Added to the attention score of padding. exp(-30) is 1e-13: nothing in float32, and
small enough in size for int8 and float16, which -1e4 is not."""


@keras.saving.register_keras_serializable(package=PACKAGE)
class PaddingBias(keras.layers.Layer):
    """`[B, T]` token ids -> `[B, T]` float: 0 for real tokens, `MASKED` for padding.

    A layer and not a formula in the functional graph: Keras marks `tensor * 1e4` there
    as sparse, and the next layer fails.
    """

    def call(self, token_ids: Tensor) -> Tensor:
        is_padding = keras.ops.cast(keras.ops.equal(token_ids, 0), self.compute_dtype)
        return is_padding * keras.ops.cast(MASKED, self.compute_dtype)

    def compute_output_shape(self, token_ids_shape: Shape) -> Shape:
        return token_ids_shape


@keras.saving.register_keras_serializable(package=PACKAGE)
class PositionEmbedding(keras.layers.Layer):
    """`[B, T, D]` -> `[B, T, D]`: adds one learnt vector per position.

    Tokens are in the order of their positions unless `positions` int32 `[B, T]` says
    otherwise; all are below `max_sequence_length`.
    """

    def __init__(self, max_sequence_length: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_sequence_length = max_sequence_length

    def build(self, states_shape: Shape, positions_shape: Shape | None = None) -> None:
        self.positions = self.add_weight(
            name="positions",
            shape=(self.max_sequence_length, states_shape[-1]),
            initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        )

    def call(self, states: Tensor, positions: Tensor | None = None) -> Tensor:
        if positions is None:
            positions = keras.ops.arange(keras.ops.shape(states)[1])
        return states + keras.ops.take(self.positions, positions, axis=0)

    def compute_output_shape(
        self, states_shape: Shape, positions_shape: Shape | None = None
    ) -> Shape:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"max_sequence_length": self.max_sequence_length}


@keras.saving.register_keras_serializable(package=PACKAGE)
class SelfAttention(keras.layers.Layer):
    """(`[B, T, D]` states, `[B, T]` padding bias) -> `[B, T, D]`.

    One matrix product makes queries, keys and values; they are cut apart while the
    tensor is flat, because a 5-D transpose costs a device 40 % more time. Every token
    also attends to `prefix_length` keys and values that are learnt.
    """

    def __init__(
        self,
        num_heads: int,
        dropout: float = 0.0,
        *,
        prefix_length: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.prefix_length = prefix_length

    def build(self, input_shape: Shape) -> None:
        self.hidden_dim = input_shape[-1]
        self.query_key_value = keras.layers.Dense(
            3 * self.hidden_dim, dtype=self.dtype_policy, name="query_key_value"
        )
        self.query_key_value.build((None, self.hidden_dim))
        self.output_dense = keras.layers.Dense(
            self.hidden_dim, dtype=self.dtype_policy, name="output"
        )
        self.output_dense.build((None, self.hidden_dim))
        self.attention_dropout = Dropout(self.dropout, dtype=self.dtype_policy)
        self.prefix = None
        if self.prefix_length:
            self.prefix = Prefix(
                self.prefix_length, dtype=self.dtype_policy, name=PREFIX
            )
            head_dim = self.hidden_dim // self.num_heads
            self.prefix.build((None, self.num_heads, None, head_dim))

    def call(
        self, states: Tensor, bias: Tensor, training: bool | None = None
    ) -> Tensor:
        length = keras.ops.shape(states)[1]
        flat = self.query_key_value(keras.ops.reshape(states, (-1, self.hidden_dim)))
        query, key, value = (
            self._split_heads(part, length)
            for part in keras.ops.split(flat, 3, axis=-1)
        )
        if self.prefix is not None:
            key, value, bias = self.prefix(key, value, bias)
        scores = keras.ops.matmul(query, keras.ops.transpose(key, (0, 1, 3, 2)))
        scores = scores * keras.ops.cast(self._scale(), scores.dtype)
        scores = scores + keras.ops.expand_dims(keras.ops.expand_dims(bias, 1), 1)
        weights = self.attention_dropout(keras.ops.softmax(scores), training=training)
        context = keras.ops.transpose(keras.ops.matmul(weights, value), (0, 2, 1, 3))
        output = self.output_dense(keras.ops.reshape(context, (-1, self.hidden_dim)))
        return keras.ops.reshape(output, (-1, length, self.hidden_dim))

    def compute_output_shape(
        self, states_shape: Shape, bias_shape: Shape | None = None
    ) -> Shape:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "prefix_length": self.prefix_length,
        }

    def _split_heads(self, flat: Tensor, length: Tensor) -> Tensor:
        head_dim = self.hidden_dim // self.num_heads
        heads = keras.ops.reshape(flat, (-1, length, self.num_heads, head_dim))
        return keras.ops.transpose(heads, (0, 2, 1, 3))

    def _scale(self) -> float:
        return float((self.hidden_dim // self.num_heads) ** -0.5)


@keras.saving.register_keras_serializable(package=PACKAGE)
class EncoderBlock(keras.layers.Layer):
    """(`[B, T, D]` states, `[B, T]` padding bias) -> `[B, T, D]`.

    Pre-LN Transformer block (Xiong et al. 2020, arXiv 2002.04745, figure 1b): it
    trains from scratch at learning rates where post-LN diverges.

    Args:
        activation: a name that `activation` knows.
        epsilon: of the layer norms.
        prefix_length: keys and values that are learnt, see `SelfAttention`.
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        dropout: float = 0.0,
        *,
        activation: str = "gelu",
        epsilon: float = 1e-6,
        prefix_length: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prefix_length = prefix_length
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        self.activation = activation
        self.epsilon = epsilon

    def build(self, states_shape: Shape, bias_shape: Shape | None = None) -> None:
        policy = self.dtype_policy
        hidden_dim = states_shape[-1]
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=self.epsilon, dtype=policy, name="attention_norm"
        )
        self.attention = SelfAttention(
            self.num_heads,
            self.dropout,
            prefix_length=self.prefix_length,
            dtype=policy,
            name="attention",
        )
        self.feed_forward_norm = keras.layers.LayerNormalization(
            epsilon=self.epsilon, dtype=policy, name="feed_forward_norm"
        )
        for layer in (self.attention_norm, self.attention, self.feed_forward_norm):
            layer.build(states_shape)
        self.intermediate = keras.layers.Dense(
            self.intermediate_dim,
            activation=activation(self.activation),
            dtype=policy,
            name="intermediate",
        )
        self.intermediate.build((None, hidden_dim))
        self.output_dense = keras.layers.Dense(hidden_dim, dtype=policy, name="output")
        self.output_dense.build((None, self.intermediate_dim))
        self.residual_dropout = Dropout(self.dropout, dtype=policy)

    def call(
        self, states: Tensor, bias: Tensor, training: bool | None = None
    ) -> Tensor:
        attended = self.attention(self.attention_norm(states), bias, training=training)
        states = states + self.residual_dropout(attended, training=training)
        changed = self._feed_forward(self.feed_forward_norm(states))
        return states + self.residual_dropout(changed, training=training)

    def compute_output_shape(
        self, states_shape: Shape, bias_shape: Shape | None = None
    ) -> Shape:
        return states_shape

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "activation": self.activation,
            "epsilon": self.epsilon,
            "prefix_length": self.prefix_length,
        }

    def _feed_forward(self, states: Tensor) -> Tensor:
        length, hidden_dim = keras.ops.shape(states)[1], states.shape[-1]
        flat = keras.ops.reshape(states, (-1, hidden_dim))
        flat = self.output_dense(self.intermediate(flat))
        return keras.ops.reshape(flat, (-1, length, hidden_dim))


@keras.saving.register_keras_serializable(package=PACKAGE)
class PostNormEncoderBlock(EncoderBlock):
    """An `EncoderBlock` that normalises after each sum, as BERT does.

    (Devlin et al. 2019, arXiv 1810.04805; Xiong et al. 2020, figure 1a.)
    """

    def call(
        self, states: Tensor, bias: Tensor, training: bool | None = None
    ) -> Tensor:
        attended = self.attention(states, bias, training=training)
        attended = self.residual_dropout(attended, training=training)
        states = self.attention_norm(states + attended)
        changed = self.residual_dropout(self._feed_forward(states), training=training)
        return self.feed_forward_norm(states + changed)


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """Finds the function between the two matrices of a feed-forward layer."""
    return _ACTIVATIONS[name]


def _gelu_tanh(states: Tensor) -> Tensor:
    return keras.ops.gelu(states, approximate=True)


# keras.activations.gelu is the exact one, with the error function.
_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "gelu": keras.activations.gelu,
        "gelu_tanh": _gelu_tanh,
        "relu": keras.activations.relu,
    }
)


class _Pooling(keras.layers.Layer):
    """What the poolings share: (`[B, T, D]`, `[B, T]` padding bias) -> `[B, D]`."""

    def compute_output_shape(
        self, states_shape: Shape, bias_shape: Shape | None = None
    ) -> Shape:
        return (states_shape[0], states_shape[-1])


@keras.saving.register_keras_serializable(package=PACKAGE)
class MeanPooling(_Pooling):
    """(`[B, T, D]` states, `[B, T]` padding bias) -> `[B, D]`: mean of real tokens.

    The mean is a softmax of the bias times the states: no division by a count, which
    int8 devices cannot do, and no NaN for a row that is all padding.
    """

    def call(self, states: Tensor, bias: Tensor) -> Tensor:
        weights = keras.ops.expand_dims(keras.ops.softmax(bias), -1)
        return keras.ops.sum(states * weights, axis=1)


@keras.saving.register_keras_serializable(package=PACKAGE)
class MeanMaxPooling(MeanPooling):
    """(`[B, T, D]` states, `[B, T]` padding bias) -> `[B, 2D]`: mean beside maximum."""

    def call(self, states: Tensor, bias: Tensor) -> Tensor:
        mean = super().call(states, bias)
        maximum = keras.ops.max(states + keras.ops.expand_dims(bias, -1), axis=1)
        return keras.ops.concatenate([mean, maximum], axis=-1)

    def compute_output_shape(
        self, states_shape: Shape, bias_shape: Shape | None = None
    ) -> Shape:
        return (states_shape[0], 2 * states_shape[-1])


@keras.saving.register_keras_serializable(package=PACKAGE)
class StartPooling(_Pooling):
    """(`[B, T, D]` states, `[B, T]` padding bias) -> `[B, D]`: the start token's state.

    BERT calls that token `[CLS]`.
    """

    def call(self, states: Tensor, bias: Tensor) -> Tensor:
        return states[:, 0]
