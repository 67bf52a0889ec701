"""Saves small encoders with transformers, and what they compute; runs over there.

Arguments: a new folder, a vocabulary of at least `ROWS` lines. Makes a folder per
encoder, with `token_ids.npy` and `states.npy` beside what transformers saves, and
`masked_lm.npy` where there is such a head.
"""

import pathlib
import sys

import numpy as np
import torch
import transformers

ROWS, TEXTS, TOKENS = 200, 200, 24
SIZE = {"vocab_size": ROWS, "max_position_embeddings": 40}
BERT = SIZE | {
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}
DISTILBERT = SIZE | {"dim": 48, "n_layers": 3, "n_heads": 4, "hidden_dim": 96}
ELECTRA = BERT | {"embedding_size": 24}
ENCODERS = {
    "bert": (transformers.BertConfig(**BERT), transformers.BertForMaskedLM),
    "bert-gelu_new": (
        transformers.BertConfig(**BERT, hidden_act="gelu_new", layer_norm_eps=1e-6),
        transformers.BertForPreTraining,
    ),
    "distilbert": (
        transformers.DistilBertConfig(**DISTILBERT),
        transformers.DistilBertForMaskedLM,
    ),
    "electra": (
        transformers.ElectraConfig(**ELECTRA),
        transformers.ElectraForPreTraining,
    ),
    "electra-generator": (
        transformers.ElectraConfig(**ELECTRA),
        transformers.ElectraForMaskedLM,
    ),
}


def token_ids() -> np.ndarray:
    """Texts of every length, padded with 0."""
    random = np.random.default_rng(0)
    ids = random.integers(1, ROWS, (TEXTS, TOKENS))
    lengths = random.integers(2, TOKENS + 1, (TEXTS, 1))
    return np.where(np.arange(TOKENS) < lengths, ids, 0)


def save(name: str, folder: pathlib.Path, vocabulary: str) -> None:
    """Saves one encoder, its inputs and its outputs."""
    config, kind = ENCODERS[name]
    model = kind(config).eval()
    # Fresh biases are 0 and fresh scales 1, which would hide a mistake.
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text(vocabulary, "utf-8")
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    ids = torch.tensor(token_ids())
    inputs = {"input_ids": ids, "attention_mask": (ids != 0).long()}
    with torch.no_grad():
        states = model.base_model(**inputs).last_hidden_state
        outputs = model(**inputs)
    np.save(folder / "token_ids.npy", ids.numpy().astype(np.int32))
    np.save(folder / "states.npy", states.numpy())
    if "MaskedLM" in kind.__name__:
        np.save(folder / "masked_lm.npy", outputs.logits.numpy())


if __name__ == "__main__":
    torch.manual_seed(0)
    lines = pathlib.Path(sys.argv[2]).read_text("utf-8")
    for encoder in ENCODERS:
        save(encoder, pathlib.Path(sys.argv[1]) / encoder, lines)
