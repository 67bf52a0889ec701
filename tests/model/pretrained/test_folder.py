"""Folders in Hugging Face's layout: what is taken, and what is refused with a cure."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model import contract
from model.pretrained.folder import ModelType, PretrainedFolder
from model.pretrained.reading import PretrainedError
from model.pretrained.vocabulary import PretrainedTokenizer
from tests.support.pretrained import folders as fakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fakes.write_folder(tmp_path / "model")


def change(path: Path, **changes: Any) -> None:
    """Changes keys of one JSON file; None takes a key out."""
    values = {**json.loads(path.read_text()), **changes}
    fakes.write_json(path, {k: v for k, v in values.items() if v is not None})


def refusal(folder: Path) -> str:
    with pytest.raises(PretrainedError) as caught:
        PretrainedFolder.open(folder)
    return str(caught.value)


def test_a_folder_is_read(folder: Path):
    found = PretrainedFolder.open(folder)
    assert found.model_type is ModelType.BERT
    assert found.vocabulary == fakes.TOKENS
    assert found.tokenizer == PretrainedTokenizer(max_length=fakes.POSITIONS)
    assert found.config["hidden_size"] == fakes.HIDDEN
    weights = folder / "model.safetensors"
    assert found.tensors["embeddings.word_embeddings.weight"] == weights
    assert len(found.tensors) == len(fakes.bert_tensors(found.config))


def test_the_digest_is_what_sha256sum_prints(folder: Path):
    files = ["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"]
    printed = subprocess.run(
        ["sha256sum", *files], cwd=folder, capture_output=True, check=True
    )
    digest = hashlib.sha256(printed.stdout).hexdigest()
    assert PretrainedFolder.open(folder).digest == digest


@pytest.mark.parametrize("name", ["vocab.txt", "tokenizer_config.json", "config.json"])
def test_the_digest_sees_a_change_of_every_file(folder: Path, name: str):
    before = PretrainedFolder.open(folder).digest
    (folder / "README.md").write_text("Not read.")
    assert PretrainedFolder.open(folder).digest == before
    with (folder / name).open("a") as file:
        file.write("more\n" if name == "vocab.txt" else " ")
    change(folder / "config.json", vocab_size=len(fakes.TOKENS) + 1)
    assert PretrainedFolder.open(folder).digest != before


def test_sharded_weights_are_found(folder: Path):
    whole = PretrainedFolder.open(folder).tensors
    fakes.shard(folder)
    found = PretrainedFolder.open(folder).tensors
    assert set(found) == set(whole)
    assert {path.name for path in found.values()} == {
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    }


def test_a_vocabulary_is_taken_from_tokenizer_json(folder: Path):
    (folder / "vocab.txt").unlink()
    fakes.write_json(folder / "tokenizer.json", fakes.tokenizer_json())
    assert PretrainedFolder.open(folder).vocabulary == fakes.TOKENS


def test_special_tokens_get_the_names_of_the_contract(folder: Path):
    tokens = ["<pad>", "<unk>", "<s>", "</s>", "<mask>", "a"]
    fakes.write_folder(
        folder,
        config=fakes.bert_config(vocab_size=len(tokens)),
        tokens=tokens,
        tokenizer_config={
            "pad_token": "<pad>",
            "unk_token": {"content": "<unk>", "lstrip": False},
            "cls_token": "<s>",
            "sep_token": "</s>",
            "mask_token": "<mask>",
        },
    )
    expected = (*contract.SPECIAL_TOKENS, "a")
    assert PretrainedFolder.open(folder).vocabulary == expected


@pytest.mark.parametrize(
    ("stated", "positions"), [(512, 40), (24, 24), (int(1e30), 40), (None, 40)]
)
def test_the_shorter_length_counts(folder: Path, stated: int | None, positions: int):
    change(folder / "tokenizer_config.json", model_max_length=stated)
    assert PretrainedFolder.open(folder).max_positions == positions


def test_settings_are_taken_from_tokenizer_json_where_the_other_has_none(folder: Path):
    (folder / "tokenizer_config.json").unlink()
    fast = fakes.tokenizer_json(lowercase=False, handle_chinese_chars=False)
    fakes.write_json(folder / "tokenizer.json", fast)
    assert PretrainedFolder.open(folder).tokenizer == PretrainedTokenizer(
        lower_case=False, tokenize_chinese_chars=False
    )


def test_an_embedding_that_is_filled_up_is_taken(folder: Path):
    change(folder / "config.json", vocab_size=len(fakes.TOKENS) + 127)
    assert PretrainedFolder.open(folder).vocabulary == fakes.TOKENS


def test_a_vocabulary_that_tokenizer_json_confirms_may_be_much_shorter(folder: Path):
    change(folder / "config.json", vocab_size=50_000)
    fakes.write_json(folder / "tokenizer.json", fakes.tokenizer_json())
    assert PretrainedFolder.open(folder).vocabulary == fakes.TOKENS


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _write(name: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_text(text, "utf-8")


def _config(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "config.json", **changes)


def _tokenizer(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: change(folder / "tokenizer_config.json", **changes)


def _fast(changes: dict[str, Any], **normalizer: Any) -> Callable[[Path], None]:
    fast = fakes.tokenizer_json(**normalizer)
    for key, value in changes.items():
        fast[key] = {**fast[key], **value} if isinstance(value, dict) else value
    return lambda folder: fakes.write_json(folder / "tokenizer.json", fast)


def _other_weights(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "model.safetensors").rename(folder / name)


def _lose_a_shard(folder: Path) -> None:
    fakes.shard(folder)
    (folder / "model-00002-of-00002.safetensors").unlink()


def _name_a_strange_tensor(folder: Path) -> None:
    fakes.shard(folder)
    index = folder / "model.safetensors.index.json"
    weight_map = json.loads(index.read_text())["weight_map"]
    change(index, weight_map={**weight_map, "x": next(iter(weight_map.values()))})


def _leave_the_folder(folder: Path) -> None:
    fakes.shard(folder)
    index = folder / "model.safetensors.index.json"
    change(index, weight_map={"x": "../model.safetensors"})


def _other_vocabulary(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "vocab.txt").rename(folder / name)


def _nest(folder: Path) -> None:
    inner = folder / "0_Transformer"
    inner.mkdir()
    (folder / "config.json").rename(inner / "config.json")


def _lines(*tokens: str) -> Callable[[Path], None]:
    return _write("vocab.txt", "".join(f"{t}\n" for t in tokens))


REFUSED = {
    "no config": (_remove("config.json"), "has no config.json"),
    "nested": (_nest, r"Did you mean .*0_Transformer\?"),
    "no JSON": (_write("config.json", "{"), "config.json is no JSON"),
    "a list": (_write("config.json", "[]"), r"config.json holds '?\[\]"),
    "another model": (
        _config(model_type="roberta"),
        "model_type is 'roberta'; taken are bert, distilbert, electra",
    ),
    "no model type": (_config(model_type=None), "model_type is missing; taken are"),
    "no vocabulary size": (_config(vocab_size=None), "vocab_size is missing"),
    "a text as size": (_config(vocab_size="9"), "vocab_size is '9'; it must be"),
    "no weights": (_remove("model.safetensors"), "has no weights: neither"),
    "PyTorch": (
        _other_weights("pytorch_model.bin"),
        "pytorch_model.bin only .*taken are model.safetensors.*save_pretrained",
    ),
    "TensorFlow": (_other_weights("tf_model.h5"), "tf_model.h5 only"),
    "an LFS pointer": (
        _write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
        "no whole safetensors file.*Git LFS",
    ),
    "a lost shard": (_lose_a_shard, "model-00002-of-00002.safetensors is missing"),
    "a strange tensor": (_name_a_strange_tensor, "holds 'x', which it does not"),
    "a way out": (_leave_the_folder, "weight_map is .* files of this folder"),
    "no vocabulary": (_remove("vocab.txt"), "neither vocab.txt nor tokenizer.json"),
    "BPE": (_other_vocabulary("merges.txt"), r"merges.txt \(byte-pair encoding"),
    "SentencePiece": (_other_vocabulary("spiece.model"), "spiece.model .SentencePiece"),
    "BPE in JSON": (
        _fast({"model": {"type": "BPE"}}),
        "tokenizer.json is of type 'BPE'; taken is BERT's WordPiece",
    ),
    "Unigram in JSON": (_fast({"model": {"type": "Unigram"}}), "type 'Unigram'"),
    "no UTF-8": (
        lambda folder: (folder / "vocab.txt").write_bytes(b"[PAD]\n\xff\n"),
        "vocab.txt cannot be read",
    ),
    "twice": (_lines(*fakes.TOKENS, "my"), "line .* is 'my', which is empty or"),
    "empty line": (_lines(*fakes.TOKENS, ""), "line .* is '', which is empty"),
    "too many tokens": (_lines(*fakes.TOKENS, "x1"), "vocab_size .* different models"),
    "too few tokens": (
        _config(vocab_size=5000),
        "end of vocab.txt seems to be missing",
    ),
    "no special": (_lines(*fakes.TOKENS[1:]), r"lacks \['\[PAD\]'\]"),
    "padding elsewhere": (
        _lines("a", *(t for t in fakes.TOKENS if t != "a")),
        r"'\[PAD\]' in row 1; taken is row 0",
    ),
    "names twice": (_tokenizer(unk_token="[CLS]"), "names the special tokens"),
    "contradicting tokens": (
        lambda folder: fakes.write_json(
            folder / "tokenizer.json", fakes.tokenizer_json(fakes.TOKENS[::-1])
        ),
        r"row 0 is '\[PAD\]' in vocab.txt and 'the' in tokenizer.json",
    ),
    "contradicting case": (
        _fast({}, lowercase=False),
        "do_lower_case is True in tokenizer_config.json, and lowercase is False",
    ),
    "unstated case": (
        lambda folder: (
            _remove("tokenizer_config.json")(folder),
            _lines(*fakes.TOKENS[:-1], "The")(folder),
        ),
        "does not say whether text is lower-cased, .* 'The'",
    ),
    "no truth value": (_tokenizer(do_lower_case="yes"), "do_lower_case is 'yes'"),
    "another class": (
        _tokenizer(tokenizer_class="BertJapaneseTokenizer"),
        "tokenizer_class is 'BertJapaneseTokenizer'; taken are BertTokenizer",
    ),
    "words given": (_tokenizer(do_basic_tokenize=False), "do_basic_tokenize is false"),
    "another normaliser": (
        _fast({"normalizer": {"type": "NFC"}}),
        "normalizer is 'NFC'",
    ),
    "another limit": (
        _fast({"model": {"max_input_chars_per_word": 50}}),
        "max_input_chars_per_word is 50; taken is 100",
    ),
    "added words": (
        _fast({"added_tokens": [{"id": 9, "content": "covid", "special": False}]}),
        "added_tokens has 1 words .* 'covid'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_named_with_a_cure(folder: Path, name: str):
    spoil, expected = REFUSED[name]
    spoil(folder)
    told = refusal(folder)
    assert str(folder) in told
    with pytest.raises(PretrainedError, match=f"(?s){expected}"):
        PretrainedFolder.open(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    assert "is no folder. Name one that holds" in refusal(tmp_path / "none")
