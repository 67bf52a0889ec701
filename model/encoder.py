"""The classifier: a Transformer encoder, pooled, with one linear layer on top."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import keras

from model import contract, layers
from model.adaptation.additions import Additions
from model.adaptation.prompt import (
    MASK_NORM,
    MASK_TRANSFORM,
    SOFT_PROMPT,
    MaskedState,
    SoftPrompt,
    Template,
)
from model.adaptation.used_rows import UsedRowsEmbedding
from model.config import ModelConfig, Pooling
from model.dropout import Dropout

_NO_ADDITIONS = Additions()
_POOLINGS: Mapping[Pooling, type[keras.Layer]] = MappingProxyType(
    {
        Pooling.MEAN_MAX: layers.MeanMaxPooling,
        Pooling.MEAN: layers.MeanPooling,
        Pooling.CLS: layers.StartPooling,
    }
)


def build_classifier(
    config: ModelConfig, dtype: str = "float32", additions: Additions = _NO_ADDITIONS
) -> keras.Model:
    """Builds a model: token ids in, logits out.

    Args:
        config: the size of everything.
        dtype: a Keras dtype policy; the logits are float32 under each.
        additions: what a way of fine-tuning adds to it.

    Returns:
        A model from `token_ids` int32 `[B, T]`, padded with 0, any T up to
        `max_sequence_length`, to `logits` float32 `[B, C]`. Padding more does not
        change the logits.
    """
    token_ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    if additions.prompt is not None:
        state = _masked_state(config, token_ids, additions, dtype)
        return keras.Model(token_ids, _head(config)(state), name=contract.MODEL_NAME)
    bias = layers.PaddingBias(dtype=dtype, name="padding_bias")(token_ids)
    states = _tokens(config, dtype, additions.used_ids)(token_ids)
    states = _positioned(config, states, dtype)
    states = _blocks(config, states, bias, dtype, additions.prefix_length)
    pooled = _POOLINGS[config.pooling](dtype=dtype, name="pooling")(states, bias)
    pooled = Dropout(config.dropout, dtype=dtype)(pooled)
    return keras.Model(token_ids, _head(config)(pooled), name=contract.MODEL_NAME)


def scores(logits: keras.KerasTensor) -> keras.KerasTensor:
    """Turns logits `[B, C]` of any dtype into probabilities, in float32."""
    return keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1)


def _masked_state(
    config: ModelConfig, token_ids: keras.KerasTensor, additions: Additions, dtype: str
) -> keras.KerasTensor:
    """The masked-LM head's state at the mask of the prompt's template, `[B, D]`."""
    prompt = additions.prompt
    assert prompt is not None
    ids, positions = Template(
        prompt.before, prompt.after, prompt.soft_length, dtype=dtype, name="template"
    )(token_ids)
    bias = layers.PaddingBias(dtype=dtype, name="padding_bias")(ids)
    states = _tokens(config, dtype, additions.used_ids)(ids)
    if prompt.soft_length:
        soft = SoftPrompt(prompt.soft_length, dtype=dtype, name=SOFT_PROMPT)
        states, positions, bias = soft(states, positions, bias)
    longer = dataclasses.replace(
        config, max_sequence_length=config.max_sequence_length + prompt.length
    )
    states = _positioned(longer, states, dtype, positions)
    states = _blocks(config, states, bias, dtype)
    state = MaskedState(prompt.mask_index, dtype=dtype, name="masked_state")(states)
    state = keras.layers.Dense(
        config.embedding_dim or config.hidden_dim,
        activation=layers.activation(str(config.activation)),
        dtype=dtype,
        name=MASK_TRANSFORM,
    )(state)
    return _norm(config, dtype, MASK_NORM)(state)


def _tokens(
    config: ModelConfig, dtype: str, used_ids: Sequence[int]
) -> keras.layers.Layer:
    width, name = config.embedding_dim or config.hidden_dim, "token_embedding"
    if used_ids:
        return UsedRowsEmbedding(
            config.vocabulary_size, width, used_ids, dtype=dtype, name=name
        )
    return keras.layers.Embedding(
        config.vocabulary_size,
        width,
        embeddings_initializer=keras.initializers.TruncatedNormal(stddev=0.02),
        dtype=dtype,
        name=name,
    )


def _positioned(
    config: ModelConfig,
    states: keras.KerasTensor,
    dtype: str,
    positions: keras.KerasTensor | None = None,
) -> keras.KerasTensor:
    states = layers.PositionEmbedding(
        config.max_sequence_length, dtype=dtype, name="position_embedding"
    )(states, positions)
    if not config.normalize_first:
        states = _norm(config, dtype, "embedding_norm")(states)
    states = Dropout(config.dropout, dtype=dtype)(states)
    if states.shape[-1] == config.hidden_dim:
        return states
    return keras.layers.Dense(
        config.hidden_dim, dtype=dtype, name="embedding_projection"
    )(states)


def _blocks(
    config: ModelConfig,
    states: keras.KerasTensor,
    bias: keras.KerasTensor,
    dtype: str,
    prefix_length: int = 0,
) -> keras.KerasTensor:
    first = config.normalize_first
    kind = layers.EncoderBlock if first else layers.PostNormEncoderBlock
    for index in range(config.num_layers):
        block = kind(
            config.num_heads,
            config.intermediate_dim,
            config.dropout,
            activation=str(config.activation),
            epsilon=config.layer_norm_epsilon,
            prefix_length=prefix_length,
            dtype=dtype,
            name=f"block_{index}",
        )
        states = block(states, bias)
    return _norm(config, dtype, "final_norm")(states) if first else states


def _head(config: ModelConfig) -> keras.layers.Dense:
    # As BERT has it: large errors of a new head would spoil pretrained weights. Made
    # only where it is used, because making one takes a number from the global seed.
    initializer = (
        "glorot_uniform"
        if config.normalize_first
        else keras.initializers.TruncatedNormal(stddev=0.02)
    )
    return keras.layers.Dense(
        config.num_classes,
        kernel_initializer=initializer,
        dtype="float32",
        name="logits",
    )


def _norm(config: ModelConfig, dtype: str, name: str) -> keras.Layer:
    return keras.layers.LayerNormalization(
        epsilon=config.layer_norm_epsilon, dtype=dtype, name=name
    )
