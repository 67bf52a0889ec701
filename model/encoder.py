"""The classifier: a Transformer encoder, pooled, with one linear layer on top."""

import keras

from model import contract, layers
from model.config import ModelConfig


def build_classifier(config: ModelConfig, dtype: str = "float32") -> keras.Model:
    """Builds a model: token ids in, logits out.

    Args:
        config: the size of everything.
        dtype: a Keras dtype policy; the logits are float32 under each.

    Returns:
        A model from `token_ids` int32 `[B, T]`, padded with 0, any T up to
        `max_sequence_length`, to `logits` float32 `[B, C]`. Padding more does not
        change the logits.
    """
    token_ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    bias = layers.PaddingBias(dtype=dtype, name="padding_bias")(token_ids)
    states = _embed(config, token_ids, dtype)
    for index in range(config.num_layers):
        block = layers.EncoderBlock(
            config.num_heads,
            config.intermediate_dim,
            config.dropout,
            dtype=dtype,
            name=f"block_{index}",
        )
        states = block(states, bias)
    states = keras.layers.LayerNormalization(
        epsilon=1e-6, dtype=dtype, name="final_norm"
    )(states)
    pooled = layers.MeanMaxPooling(dtype=dtype, name="pooling")(states, bias)
    pooled = keras.layers.Dropout(config.dropout, dtype=dtype)(pooled)
    head = keras.layers.Dense(config.num_classes, dtype="float32", name="logits")
    return keras.Model(token_ids, head(pooled), name=contract.MODEL_NAME)


def scores(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Turns logits `[B, C]` of any dtype into probabilities, in float32."""
    return keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)


def _embed(
    config: ModelConfig, token_ids: keras.KerasTensor, dtype: str
) -> keras.KerasTensor:
    tokens = keras.layers.Embedding(
        config.vocabulary_size,
        config.hidden_dim,
        embeddings_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype=dtype,
        name="token_embedding",
    )(token_ids)
    states = layers.PositionEmbedding(
        config.max_sequence_length, dtype=dtype, name="position_embedding"
    )(tokens)
    return keras.layers.Dropout(config.dropout, dtype=dtype)(states)
