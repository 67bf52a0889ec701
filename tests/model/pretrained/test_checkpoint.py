"""Names, shapes and types of tensors are compared before any weight is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from model.pretrained.checkpoint import Checkpoint, check_weights
from model.pretrained.folder import PretrainedFolder
from model.pretrained.reading import PretrainedError
from tests.support.pretrained.encoders import (
    Tensors,
    distilbert_config,
    electra_config,
    masked_lm_tensors,
    tensors,
)
from tests.support.pretrained.folders import TOKENS, bert_config, write_folder

WORDS = "embeddings.word_embeddings.weight"
QUERY = "encoder.layer.1.attention.self.query"


def _saved(
    path: Path, weights: Tensors, config: dict[str, Any] | None = None
) -> PretrainedFolder:
    return PretrainedFolder.open(write_folder(path, config=config, weights=weights))


@pytest.mark.parametrize(
    ("make", "prefix"),
    [
        (bert_config, "bert."),
        (distilbert_config, "distilbert."),
        (electra_config, "electra."),
        (bert_config, "model."),
    ],
)
def test_tensors_are_found_bare_and_under_a_prefix(
    tmp_path: Path, make: Callable[[], dict[str, Any]], prefix: str
) -> None:
    bare = tensors(make())
    check_weights(_saved(tmp_path / "bare", bare, make()))
    prefixed = {prefix + name: tensor for name, tensor in bare.items()}
    folder = _saved(tmp_path / "prefixed", prefixed, make())
    check_weights(folder)
    np.testing.assert_array_equal(Checkpoint.of(folder).read(WORDS), bare[WORDS])


def test_heads_and_other_known_tensors_are_passed_over(tmp_path: Path) -> None:
    config = bert_config()
    one = np.zeros(1, np.float32)
    beside = ("bert.pooler.dense.weight", "cls.seq_relationship.bias")
    beside += ("bert.embeddings.position_ids", "classifier.weight")
    encoder = {f"bert.{name}": tensor for name, tensor in tensors(config).items()}
    heads = masked_lm_tensors(config) | dict.fromkeys(beside, one)
    check_weights(_saved(tmp_path, encoder | heads))


def test_old_names_of_the_layer_norms_are_read(tmp_path: Path) -> None:
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): tensor
        for name, tensor in tensors(bert_config()).items()
    }
    assert "embeddings.LayerNorm.gamma" in old
    check_weights(_saved(tmp_path, old))


def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    weights = tensors(bert_config())
    del weights[f"{QUERY}.weight"], weights[f"{QUERY}.bias"]
    weights["encoder.relative_bias"] = np.zeros(3, np.float32)
    weights[WORDS] = weights[WORDS][:-1].copy()
    name = "embeddings.LayerNorm.bias"
    weights[name] = weights[name].astype(np.int8)
    with pytest.raises(PretrainedError) as caught:
        check_weights(_saved(tmp_path, weights))
    assert f"2 missing: {QUERY}.weight, {QUERY}.bias." in str(caught.value)
    assert "1 unknown: encoder.relative_bias." in str(caught.value)
    rows = len(TOKENS)
    wrong = f"1 of another shape: {WORDS} [{rows - 1}, 16] instead of [{rows}, 16]."
    assert wrong in str(caught.value)
    assert f"1 of another type: {name} I8 (taken are F32," in str(caught.value)


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    folder = _saved(tmp_path, tensors(bert_config()), bert_config(num_hidden_layers=4))
    with pytest.raises(PretrainedError, match="32 missing: .* and 26 more"):
        check_weights(folder)


def test_a_checkpoint_without_words_says_what_it_holds(tmp_path: Path) -> None:
    folder = _saved(tmp_path, {"lstm.kernel": np.zeros(2, np.float32)})
    with pytest.raises(PretrainedError, match=r"lacks the .* It holds lstm\.kernel"):
        check_weights(folder)


def test_two_encoders_in_one_checkpoint_are_refused(tmp_path: Path) -> None:
    bare = tensors(bert_config())
    both = bare | {f"bert.{name}": tensor for name, tensor in bare.items()}
    with pytest.raises(PretrainedError, match="has several encoders"):
        check_weights(_saved(tmp_path, both))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float64])
def test_tensors_are_read_as_float32(tmp_path: Path, dtype: Any) -> None:
    weights = {name: t.astype(dtype) for name, t in tensors(bert_config()).items()}
    folder = _saved(tmp_path, weights)
    check_weights(folder)
    words = Checkpoint.of(folder).read(WORDS)
    assert words.dtype == np.float32
    np.testing.assert_array_equal(words, weights[WORDS].astype(np.float32))


def test_tensor_with_nan_is_refused(tmp_path: Path) -> None:
    weights = tensors(bert_config())
    weights[WORDS][3, 4] = np.nan
    with pytest.raises(PretrainedError, match=f"{WORDS} holds NaN or infinity"):
        Checkpoint.of(_saved(tmp_path, weights)).read(WORDS)
