"""Tiny encoders in Hugging Face's layout, with weights from a random generator."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

SPECIAL = ("[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""In an order that is not the contract's, as released vocabularies have them."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ("my", "card", "##ed", "is", "lost", "cafe", "money", "good", "bad", "the")
TOKENS = (*SPECIAL, *LETTERS, *(f"##{c}" for c in LETTERS), *"?!.,'", *WORDS)

HIDDEN, INTERMEDIATE, LAYERS, HEADS, POSITIONS = 16, 32, 2, 2, 40


def bert_config(**changes: Any) -> dict[str, Any]:
    """`config.json` of a small BERT."""
    return {
        "model_type": "bert",
        "vocab_size": len(TOKENS),
        "hidden_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "intermediate_size": INTERMEDIATE,
        "hidden_act": "gelu",
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        **changes,
    }


def bert_tensors(config: Mapping[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    """Tensors of a BERT without a prefix, as `BertModel` saves them."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (
            config["max_position_embeddings"],
            width,
        ),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        **_norm("embeddings.LayerNorm", width),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            shapes |= _dense(f"{layer}.attention.{name}", width, width)
        shapes |= _norm(f"{layer}.attention.output.LayerNorm", width)
        shapes |= _dense(f"{layer}.intermediate.dense", width, inner)
        shapes |= _dense(f"{layer}.output.dense", inner, width)
        shapes |= _norm(f"{layer}.output.LayerNorm", width)
    rng = np.random.default_rng(seed)
    return {
        name: (rng.normal(0, 0.1, shape) + _is_scale(name)).astype(np.float32)
        for name, shape in shapes.items()
    }


def write_folder(
    path: Path,
    *,
    config: Mapping[str, Any] | None = None,
    tokens: Sequence[str] = TOKENS,
    tokenizer_config: Mapping[str, Any] | None = None,
    weights: Mapping[str, np.ndarray] | None = None,
) -> Path:
    """Writes a small encoder, a BERT unless `config` and `weights` are another's."""
    path.mkdir(parents=True, exist_ok=True)
    config = bert_config() if config is None else config
    write_json(path / "config.json", config)
    (path / "vocab.txt").write_text("".join(f"{t}\n" for t in tokens), "utf-8")
    settings = {"do_lower_case": True, "model_max_length": POSITIONS}
    write_json(path / "tokenizer_config.json", tokenizer_config or settings)
    weights = bert_tensors(config) if weights is None else weights
    save_file(dict(weights), path / "model.safetensors")
    return path


def tokenizer_json(tokens: Sequence[str] = TOKENS, **normalizer: Any) -> dict[str, Any]:
    """`tokenizer.json` of the same tokeniser."""
    return {
        "added_tokens": [{"id": 0, "content": "[PAD]", "special": True}],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": True,
            **normalizer,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {token: row for row, token in enumerate(tokens)},
        },
    }


def write_json(path: Path, value: object) -> None:
    """Writes one file of a folder."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def shard(path: Path) -> None:
    """Puts the weights of a folder into two files and an index."""
    tensors = bert_tensors(json.loads((path / "config.json").read_text()))
    names = sorted(tensors)
    halves = {"model-00001-of-00002.safetensors": names[::2]}
    halves["model-00002-of-00002.safetensors"] = names[1::2]
    for file, held in halves.items():
        save_file({name: tensors[name] for name in held}, path / file)
    weight_map = {name: file for file, held in halves.items() for name in held}
    write_json(path / "model.safetensors.index.json", {"weight_map": weight_map})
    (path / "model.safetensors").unlink()


def _dense(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _is_scale(name: str) -> bool:
    return name.endswith("LayerNorm.weight")
