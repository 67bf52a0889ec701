"""What `config.json` says of an encoder, as settings of ours.

Knows no TensorFlow, so that what is not taken is refused before a run begins.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from model.config import Activation, ModelConfig, Pooling
from model.pretrained.folder import CONFIG_FILE, ModelType, PretrainedFolder
from model.pretrained.reading import PretrainedError, whole_number
from model.settings import quoted

_ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_python": Activation.GELU,
    "gelu_new": Activation.GELU_TANH,
    "gelu_fast": Activation.GELU_TANH,
    "gelu_pytorch_tanh": Activation.GELU_TANH,
    "relu": Activation.RELU,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Keys:
    """How one kind of encoder names what all have; None where it has a fixed value."""

    hidden_dim: str = "hidden_size"
    num_layers: str = "num_hidden_layers"
    num_heads: str = "num_attention_heads"
    intermediate_dim: str = "intermediate_size"
    embedding_dim: str = "hidden_size"
    activation: str = "hidden_act"
    epsilon: str | None = "layer_norm_eps"


_KEYS: Mapping[ModelType, _Keys] = MappingProxyType(
    {
        ModelType.BERT: _Keys(),
        ModelType.ELECTRA: _Keys(embedding_dim="embedding_size"),
        ModelType.DISTILBERT: _Keys(
            hidden_dim="dim",
            num_layers="n_layers",
            num_heads="n_heads",
            intermediate_dim="hidden_dim",
            embedding_dim="dim",
            activation="activation",
            epsilon=None,
        ),
    }
)
_DEFAULT_EPSILON = 1e-12
_FIXED = {
    "position_embedding_type": "absolute",
    "is_decoder": False,
    "add_cross_attention": False,
}
"""What changes the computation; taken is BERT's own."""


def model_settings(folder: PretrainedFolder) -> dict[str, Any]:
    """Gives the fields of `ModelConfig` that the weights decide, and a pooling.

    The length, the number of classes and the vocabulary are not the weights' affair.
    Nor is the dropout: it says how they were trained, not what they compute.

    Raises:
        PretrainedError: a value is missing or of a kind that is not taken.
    """
    path, config = folder.path / CONFIG_FILE, dict(folder.config)
    keys = _KEYS[folder.model_type]
    _check_fixed(folder)
    sizes = {
        field: whole_number(config, getattr(keys, field), path)
        for field in ("hidden_dim", "num_layers", "num_heads", "intermediate_dim")
    }
    width = whole_number(config, keys.embedding_dim, path)
    return sizes | {
        "normalize_first": False,
        "embedding_dim": None if width == sizes["hidden_dim"] else width,
        "activation": _activation(folder, keys.activation),
        "layer_norm_epsilon": _number(folder, keys.epsilon, _DEFAULT_EPSILON),
        "pooling": Pooling.MEAN,
    }


def _check_fixed(folder: PretrainedFolder) -> None:
    for key, taken in _FIXED.items():
        found = folder.config.get(key, taken)
        if found != taken:
            raise PretrainedError(
                f"{folder.path / CONFIG_FILE}: {key} is {quoted(found)}; taken is "
                f"{taken!r}. Choose a model that computes as BERT does."
            )


def _activation(folder: PretrainedFolder, key: str) -> Activation:
    name = folder.config.get(key, "gelu")
    if name not in list(_ACTIVATIONS):
        raise PretrainedError(
            f"{folder.path / CONFIG_FILE}: {key} is {quoted(name)}; taken are "
            f"{', '.join(_ACTIVATIONS)}. Choose a model with one of these."
        )
    return _ACTIVATIONS[name]


def _number(folder: PretrainedFolder, key: str | None, default: float) -> float:
    value = default if key is None else folder.config.get(key, default)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value < 1:
        raise PretrainedError(
            f"{folder.path / CONFIG_FILE}: {key} is {quoted(value)}; it must be a "
            "number from 0, below 1. Copy or download the file again."
        )
    return float(value)


def check_fits(config: ModelConfig, folder: PretrainedFolder) -> None:
    """Refuses settings of the model that the weights decide otherwise.

    Raises:
        PretrainedError: a size differs, or texts may be longer than the positions.
    """
    wrong = {
        f"model.{field} {getattr(config, field)} instead of {value}"
        for field, value in model_settings(folder).items()
        if field != "pooling" and getattr(config, field) != value
    }
    if wrong:
        raise PretrainedError(
            f"The weights in {folder.path} decide the model's form, and the settings "
            f"differ: {', '.join(sorted(wrong))}. Leave these settings out."
        )
    if config.max_sequence_length > folder.max_positions:
        raise PretrainedError(
            f"model.max_sequence_length is {config.max_sequence_length}; the "
            f"weights in {folder.path} know {folder.max_positions} positions. "
            "Set at most that."
        )
    if config.vocabulary_size > folder.config["vocab_size"]:
        raise PretrainedError(
            f"model.vocabulary_size is {config.vocabulary_size}; the "
            f"weights in {folder.path} know {folder.config['vocab_size']} tokens. "
            "Run with the folder's own vocabulary."
        )
