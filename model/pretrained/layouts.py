"""The names and shapes of the tensors of the encoders that are taken.

Three layouts, which say the same in other words. A checkpoint may have them bare or
under a prefix, with heads that are not read beside them.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from model.pretrained.architecture import model_settings
from model.pretrained.folder import CONFIG_FILE, ModelType, PretrainedFolder
from model.pretrained.reading import whole_number

WORDS = "embeddings.word_embeddings.weight"
POSITIONS = "embeddings.position_embeddings.weight"
TOKEN_TYPES = "embeddings.token_type_embeddings.weight"
EMBEDDING_NORM = "embeddings.LayerNorm"
PROJECTION = "embeddings_project"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Block:
    """How a layout names the parts of a block, without `.weight` and `.bias`."""

    query: str = "encoder.layer.{}.attention.self.query"
    key: str = "encoder.layer.{}.attention.self.key"
    value: str = "encoder.layer.{}.attention.self.value"
    attention_output: str = "encoder.layer.{}.attention.output.dense"
    attention_norm: str = "encoder.layer.{}.attention.output.LayerNorm"
    intermediate: str = "encoder.layer.{}.intermediate.dense"
    output: str = "encoder.layer.{}.output.dense"
    output_norm: str = "encoder.layer.{}.output.LayerNorm"

    def at(self, index: int) -> "Block":
        """Names the parts of one block, counted from 0."""
        names = dataclasses.asdict(self)
        return Block(**{part: name.format(index) for part, name in names.items()})


@dataclasses.dataclass(frozen=True, kw_only=True)
class MaskedLmNames:
    """How a layout names the head that guesses masked tokens."""

    dense: str
    norm: str
    output_bias: str
    output_kernel: str


_DISTILBERT_BLOCK = Block(
    query="transformer.layer.{}.attention.q_lin",
    key="transformer.layer.{}.attention.k_lin",
    value="transformer.layer.{}.attention.v_lin",
    attention_output="transformer.layer.{}.attention.out_lin",
    attention_norm="transformer.layer.{}.sa_layer_norm",
    intermediate="transformer.layer.{}.ffn.lin1",
    output="transformer.layer.{}.ffn.lin2",
    output_norm="transformer.layer.{}.output_layer_norm",
)
BLOCKS: Mapping[ModelType, Block] = MappingProxyType(
    {
        ModelType.BERT: Block(),
        ModelType.ELECTRA: Block(),
        ModelType.DISTILBERT: _DISTILBERT_BLOCK,
    }
)
MASKED_LM: Mapping[ModelType, MaskedLmNames] = MappingProxyType(
    {
        ModelType.BERT: MaskedLmNames(
            dense="cls.predictions.transform.dense",
            norm="cls.predictions.transform.LayerNorm",
            output_bias="cls.predictions.bias",
            output_kernel="cls.predictions.decoder.weight",
        ),
        ModelType.ELECTRA: MaskedLmNames(
            dense="generator_predictions.dense",
            norm="generator_predictions.LayerNorm",
            output_bias="generator_lm_head.bias",
            output_kernel="generator_lm_head.weight",
        ),
        ModelType.DISTILBERT: MaskedLmNames(
            dense="vocab_transform",
            norm="vocab_layer_norm",
            output_bias="vocab_projector.bias",
            output_kernel="vocab_projector.weight",
        ),
    }
)
PREFIXES = ("", "bert.", "distilbert.", "electra.", "model.")
_IGNORED = (
    "embeddings.position_ids",
    "embeddings.token_type_ids",
    "pooler.",
    "cls.",
    "generator_predictions.",
    "generator_lm_head.",
    "discriminator_predictions.",
    "vocab_transform.",
    "vocab_layer_norm.",
    "vocab_projector.",
    "pre_classifier.",
    "classifier.",
    "qa_outputs.",
)
"""Heads, and what a checkpoint holds although it is no weight."""


def is_ignored(name: str) -> bool:
    """True for what a checkpoint may hold beside the encoder; a name without prefix."""
    return name.startswith(_IGNORED)


def encoder_shapes(folder: PretrainedFolder) -> dict[str, tuple[int, ...]]:
    """Maps every tensor of the encoder, without prefix, to the shape it must have."""
    sizes = model_settings(folder)
    width, inner = sizes["hidden_dim"], sizes["intermediate_dim"]
    narrow = sizes["embedding_dim"] or width
    shapes: dict[str, tuple[int, ...]] = {
        WORDS: (folder.config["vocab_size"], narrow),
        POSITIONS: (folder.config["max_position_embeddings"], narrow),
        **_vectors(EMBEDDING_NORM, narrow),
    }
    if folder.model_type is not ModelType.DISTILBERT:
        path = folder.path / CONFIG_FILE
        token_types = whole_number(dict(folder.config), "type_vocab_size", path)
        shapes[TOKEN_TYPES] = (token_types, narrow)
    if narrow != width:
        shapes |= _dense(PROJECTION, narrow, width)
    for index in range(sizes["num_layers"]):
        block = BLOCKS[folder.model_type].at(index)
        for name in (block.query, block.key, block.value, block.attention_output):
            shapes |= _dense(name, width, width)
        shapes |= _dense(block.intermediate, width, inner)
        shapes |= _dense(block.output, inner, width)
        shapes |= _vectors(block.attention_norm, width)
        shapes |= _vectors(block.output_norm, width)
    return shapes


def masked_lm_shapes(folder: PretrainedFolder) -> dict[str, tuple[int, ...]]:
    """Maps the tensors of the head for masked tokens to their shapes."""
    sizes, names = model_settings(folder), MASKED_LM[folder.model_type]
    narrow = sizes["embedding_dim"] or sizes["hidden_dim"]
    return {
        **_dense(names.dense, sizes["hidden_dim"], narrow),
        **_vectors(names.norm, narrow),
        names.output_bias: (folder.config["vocab_size"],),
    }


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _vectors(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
