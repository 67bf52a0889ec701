"""A pretrained encoder as Hugging Face saves it: a folder of a few files.

`open` reads everything but the weights and finds whatever is not taken, so that a run
ends before it begins. `model.pretrained.weights` reads the weights.
"""

import dataclasses
import enum
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from model import contract
from model.pretrained.reading import PretrainedError, read_object, whole_number
from model.pretrained.vocabulary import (
    SPECIAL_TOKENS_FILE,
    TOKENIZER_CONFIG_FILE,
    TOKENIZER_FILE,
    PretrainedTokenizer,
    read_tokenizer,
    read_vocabulary,
)
from model.pretrained.weight_files import INDEX_FILE, tensor_files
from model.settings import quoted

CONFIG_FILE = "config.json"
FILES = (
    CONFIG_FILE,
    contract.VOCABULARY_FILE,
    TOKENIZER_CONFIG_FILE,
    SPECIAL_TOKENS_FILE,
    TOKENIZER_FILE,
    INDEX_FILE,
)
"""What is read besides the weights."""

# Embeddings are padded up to a multiple of 64 or 128 rows.
_MOST_PADDING_ROWS = 127


class ModelType(enum.StrEnum):
    """The kinds of encoder that are taken, as `config.json` names them."""

    BERT = "bert"
    DISTILBERT = "distilbert"
    ELECTRA = "electra"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainedFolder:
    """What a folder holds; every file of it was found and read, but for the weights.

    Attributes:
        config: `config.json` as it is.
        vocabulary: the tokens, row by row, special ones under the contract's names.
            The embedding may have more rows, never fewer.
        tokenizer: how text is normalised and cut.
        tensors: the file of each tensor, by the tensor's name.
        digest: SHA-256 over the files that matter: that of what
            `sha256sum config.json model.safetensors …` prints of those of `FILES` and
            of the weights that are there, sorted by name.
    """

    path: Path
    model_type: ModelType
    config: Mapping[str, Any]
    vocabulary: tuple[str, ...]
    tokenizer: PretrainedTokenizer
    tensors: Mapping[str, Path]
    digest: str

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "PretrainedFolder":
        """Reads a folder on this machine.

        Raises:
            PretrainedError: A file is missing, damaged, contradicts another, or is of
                a kind that is not taken.
        """
        folder = Path(path)
        config = _config(folder)
        vocabulary = read_vocabulary(folder)
        _check_rows(folder, config, vocabulary)
        tensors = tensor_files(folder)
        return cls(
            path=folder,
            model_type=ModelType(config["model_type"]),
            config=config,
            vocabulary=vocabulary,
            tokenizer=read_tokenizer(folder, vocabulary),
            tensors=tensors,
            digest=_digest(folder, tensors.values()),
        )

    @property
    def max_positions(self) -> int:
        """The most tokens that a text may have, the start and the end token counted."""
        positions = self.config["max_position_embeddings"]
        return min(positions, self.tokenizer.max_length or positions)


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / CONFIG_FILE).exists():
        raise PretrainedError(_no_config(folder))
    config = read_object(folder / CONFIG_FILE)
    kind = config.get("model_type")
    if kind not in list(ModelType):
        found = quoted(kind) if "model_type" in config else "missing"
        raise PretrainedError(
            f"{folder / CONFIG_FILE}: model_type is {found}; taken are "
            f"{', '.join(ModelType)}. Choose a model of one of these kinds."
        )
    for key in ("vocab_size", "max_position_embeddings"):
        whole_number(config, key, folder / CONFIG_FILE)
    return config


def _no_config(folder: Path) -> str:
    if not folder.is_dir():
        return (
            f"{folder} is no folder. Name one that holds {CONFIG_FILE}, "
            f"{contract.VOCABULARY_FILE} and model.safetensors."
        )
    inside = sorted(folder.glob(f"*/{CONFIG_FILE}"))
    hint = f" Did you mean {inside[0].parent}?" if inside else ""
    return (
        f"{folder} has no {CONFIG_FILE}, so it is no model in Hugging Face's layout "
        f"({CONFIG_FILE}, {contract.VOCABULARY_FILE}, model.safetensors).{hint}"
    )


def _check_rows(
    folder: Path, config: Mapping[str, Any], vocabulary: tuple[str, ...]
) -> None:
    """Compares the vocabulary's length with the embedding's.

    Released models have more rows than tokens: a few to fill up, or thousands (the
    IndoBERT of IndoNLU: 50,000 for 30,521). So a file that was cut off looks like
    them, unless tokenizer.json has the tokens too.
    """
    rows, tokens = config["vocab_size"], len(vocabulary)
    is_confirmed = all(
        (folder / name).exists() for name in (contract.VOCABULARY_FILE, TOKENIZER_FILE)
    )
    if tokens > rows:
        problem = "The two are of different models: copy the whole folder again."
    elif rows - tokens > _MOST_PADDING_ROWS and not is_confirmed:
        problem = (
            f"The end of {contract.VOCABULARY_FILE} seems to be missing: copy it "
            "again. If it is whole, let transformers write a tokenizer.json with the "
            "same tokens beside it (AutoTokenizer.from_pretrained, save_pretrained)."
        )
    else:
        return
    raise PretrainedError(
        f"{folder}: the vocabulary has {tokens:,} tokens, and {CONFIG_FILE} says "
        f"vocab_size {rows:,}. {problem}"
    )


def _digest(folder: Path, weights: Iterable[Path]) -> str:
    names = {name for name in FILES if (folder / name).exists()}
    names |= {path.name for path in weights}
    lines = (f"{_sha256(folder / name)}  {name}\n" for name in sorted(names))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
