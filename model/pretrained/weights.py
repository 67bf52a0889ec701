"""Puts pretrained weights into the encoder of a classifier."""

from collections.abc import Sequence

import keras
import numpy as np

from model.config import ModelConfig
from model.pretrained import layouts
from model.pretrained.architecture import check_fits
from model.pretrained.checkpoint import Checkpoint, check_weights
from model.pretrained.folder import PretrainedFolder


def load_encoder(
    model: keras.Model, config: ModelConfig, folder: PretrainedFolder
) -> None:
    """Replaces the weights of everything below the pooling.

    Tensors are read one after the other: beside the model there is never more than
    the largest of them. Embedding rows above `vocabulary_size` and positions above
    `max_sequence_length` are left out.

    Args:
        model: of `encoder.build_classifier(config)`.

    Raises:
        PretrainedError: the folder's weights do not fit its `config.json`, or the
            model's `config`.
    """
    check_fits(config, folder)
    check_weights(folder)
    checkpoint = Checkpoint.of(folder)
    _load_embeddings(model, checkpoint)
    for index in range(config.num_layers):
        names = layouts.BLOCKS[folder.model_type].at(index)
        _load_block(model.get_layer(f"block_{index}"), names, checkpoint)


def _load_embeddings(model: keras.Model, checkpoint: Checkpoint) -> None:
    words = model.get_layer("token_embedding").embeddings
    words.assign(checkpoint.read(layouts.WORDS)[: words.shape[0]])
    positions = model.get_layer("position_embedding").positions
    vectors = checkpoint.read(layouts.POSITIONS)[: positions.shape[0]]
    if layouts.TOKEN_TYPES in checkpoint.stored:
        # There is one text, so every token is of type 0.
        vectors = vectors + checkpoint.read(layouts.TOKEN_TYPES)[0]
    positions.assign(vectors)
    _load_norm(model.get_layer("embedding_norm"), layouts.EMBEDDING_NORM, checkpoint)
    if f"{layouts.PROJECTION}.weight" in checkpoint.stored:
        projection = model.get_layer("embedding_projection")
        _load_dense(projection, [layouts.PROJECTION], checkpoint)


def _load_block(
    block: keras.Layer, names: layouts.Block, checkpoint: Checkpoint
) -> None:
    attention = block.attention
    three = [names.query, names.key, names.value]
    _load_dense(attention.query_key_value, three, checkpoint)
    _load_dense(attention.output_dense, [names.attention_output], checkpoint)
    _load_dense(block.intermediate, [names.intermediate], checkpoint)
    _load_dense(block.output_dense, [names.output], checkpoint)
    _load_norm(block.attention_norm, names.attention_norm, checkpoint)
    _load_norm(block.feed_forward_norm, names.output_norm, checkpoint)


def _load_dense(
    dense: keras.layers.Dense, names: Sequence[str], checkpoint: Checkpoint
) -> None:
    """Loads one matrix, or several side by side; PyTorch stores them transposed."""
    kernels = [checkpoint.read(f"{name}.weight").T for name in names]
    dense.kernel.assign(np.concatenate(kernels, axis=-1))
    dense.bias.assign(np.concatenate([checkpoint.read(f"{n}.bias") for n in names]))


def _load_norm(
    norm: keras.layers.LayerNormalization, name: str, checkpoint: Checkpoint
) -> None:
    norm.gamma.assign(checkpoint.read(f"{name}.weight"))
    norm.beta.assign(checkpoint.read(f"{name}.bias"))
