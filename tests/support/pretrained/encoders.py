"""Tiny encoders of all three layouts, and what they compute, in plain numpy.

All have the same numbers: DistilBERT's layout is BERT's under other names and without
token types, ELECTRA's has narrower embeddings and a matrix that widens them.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.support.pretrained.folders import bert_config, bert_tensors

Tensors = dict[str, np.ndarray]
NARROW = 8
_DISTILBERT_KEYS = {
    "dim": "hidden_size",
    "n_layers": "num_hidden_layers",
    "n_heads": "num_attention_heads",
    "hidden_dim": "intermediate_size",
    "activation": "hidden_act",
    "vocab_size": "vocab_size",
    "max_position_embeddings": "max_position_embeddings",
}
_DISTILBERT_NAMES = {
    "encoder.layer": "transformer.layer",
    "attention.self.query": "attention.q_lin",
    "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin",
    "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm",
    "intermediate.dense": "ffn.lin1",
    # Last: the names above end in these, too.
    "output.dense": "ffn.lin2",
    "output.LayerNorm": "output_layer_norm",
}
_ACTIVATIONS = {
    "gelu": np.vectorize(lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2),
    "gelu_new": lambda x: (
        x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
    ),
    "relu": lambda x: np.maximum(x, 0),
}


def distilbert_config(**changes: Any) -> dict[str, Any]:
    """`config.json` of a small DistilBERT."""
    bert = bert_config()
    own = {key: bert[theirs] for key, theirs in _DISTILBERT_KEYS.items()}
    return {"model_type": "distilbert", "dropout": 0.1, **own, **changes}


def electra_config(**changes: Any) -> dict[str, Any]:
    """`config.json` of a small ELECTRA."""
    return bert_config(model_type="electra", embedding_size=NARROW, **changes)


def tensors(config: Mapping[str, Any], seed: int = 0) -> Tensors:
    """Tensors of an encoder of any layout, without prefix."""
    if config["model_type"] == "distilbert":
        return _distilbert_tensors(config, seed)
    found = bert_tensors(config, seed)
    if config["model_type"] == "electra":
        embeddings = (name for name in found if name.startswith("embeddings."))
        found |= {name: found[name][..., :NARROW].copy() for name in embeddings}
        found |= _dense("embeddings_project", NARROW, config["hidden_size"])
    return found


def masked_lm_tensors(config: Mapping[str, Any]) -> Tensors:
    """A head for masked tokens, as `BertForMaskedLM` saves it."""
    width, rows = config["hidden_size"], config["vocab_size"]
    norm = {"weight": np.full(width, 1.5), "bias": np.linspace(-1, 1, width)}
    return {
        **_dense("cls.predictions.transform.dense", width, width),
        **{
            f"cls.predictions.transform.LayerNorm.{part}": value.astype(np.float32)
            for part, value in norm.items()
        },
        "cls.predictions.bias": np.linspace(-1, 1, rows, dtype=np.float32),
    }


def token_states(
    config: Mapping[str, Any], weights: Mapping[str, np.ndarray], token_ids: np.ndarray
) -> np.ndarray:
    """The last states `[B, T, D]` of a BERT or ELECTRA, one text at a time."""
    return np.stack([_states_of_one(config, weights, ids) for ids in token_ids])


def _states_of_one(
    config: Mapping[str, Any], weights: Mapping[str, np.ndarray], ids: np.ndarray
) -> np.ndarray:
    states = weights["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    states += weights["embeddings.position_embeddings.weight"][: len(ids)]
    states += weights["embeddings.token_type_embeddings.weight"][0]
    states = _norm(states, weights, "embeddings.LayerNorm", config)
    if "embeddings_project.weight" in weights:
        states = _linear(states, weights, "embeddings_project")
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        attended = _attention(states, weights, layer, config, ids != 0)
        name = f"{layer}.attention.output.LayerNorm"
        states = _norm(states + attended, weights, name, config)
        inner = _linear(states, weights, f"{layer}.intermediate.dense")
        inner = _ACTIVATIONS[config["hidden_act"]](inner)
        changed = _linear(inner, weights, f"{layer}.output.dense")
        name = f"{layer}.output.LayerNorm"
        states = _norm(states + changed, weights, name, config)
    return states


def _attention(
    states: np.ndarray,
    weights: Mapping[str, np.ndarray],
    layer: str,
    config: Mapping[str, Any],
    is_real: np.ndarray,
) -> np.ndarray:
    query, key, value = (
        np.split(
            _linear(states, weights, f"{layer}.attention.self.{part}"),
            config["num_attention_heads"],
            axis=-1,
        )
        for part in ("query", "key", "value")
    )
    heads = []
    for q, k, v in zip(query, key, value, strict=True):
        scores = np.where(is_real, q @ k.T / math.sqrt(q.shape[-1]), -np.inf)
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        heads.append(shares / shares.sum(axis=-1, keepdims=True) @ v)
    return _linear(
        np.concatenate(heads, axis=-1), weights, f"{layer}.attention.output.dense"
    )


def _linear(
    states: np.ndarray, weights: Mapping[str, np.ndarray], name: str
) -> np.ndarray:
    return states @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(
    states: np.ndarray,
    weights: Mapping[str, np.ndarray],
    name: str,
    config: Mapping[str, Any],
) -> np.ndarray:
    centred = states - states.mean(axis=-1, keepdims=True)
    variance = (centred**2).mean(axis=-1, keepdims=True)
    normal = centred / np.sqrt(variance + config["layer_norm_eps"])
    return normal * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _distilbert_tensors(config: Mapping[str, Any], seed: int) -> Tensors:
    theirs = {name: config[key] for key, name in _DISTILBERT_KEYS.items()}
    found = bert_tensors(bert_config(**theirs), seed)
    del found["embeddings.token_type_embeddings.weight"]
    return {_distilbert_name(name): tensor for name, tensor in found.items()}


def _distilbert_name(name: str) -> str:
    for old, new in _DISTILBERT_NAMES.items():
        name = name.replace(old, new)
    return name


def _dense(name: str, inputs: int, outputs: int) -> Tensors:
    rng = np.random.default_rng(inputs + outputs)
    return {
        f"{name}.weight": rng.normal(0, 0.2, (outputs, inputs)).astype(np.float32),
        f"{name}.bias": rng.normal(0, 0.2, outputs).astype(np.float32),
    }
