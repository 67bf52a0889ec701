"""What the loaded model computes is what plain numpy computes from the same tensors."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model.pretrained.folder import PretrainedFolder
from model.pretrained.masked_lm import has_masked_lm_head, load_masked_lm_head
from model.pretrained.reading import PretrainedError
from tests.support.pretrained.encoders import (
    Tensors,
    distilbert_config,
    electra_config,
    masked_lm_tensors,
    tensors,
    token_states,
)
from tests.support.pretrained.folders import bert_config, shard, write_folder
from tests.support.pretrained.loaded import loaded_classifier, states_and_vectors

IDS = np.array([[3, 70, 12, 9, 40, 4], [3, 65, 71, 4, 0, 0]], "int32")
IS_REAL = IDS != 0


def _saved(
    path: Path, config: dict[str, Any], beside: Tensors | None = None
) -> PretrainedFolder:
    weights = tensors(config) | (beside or {})
    return PretrainedFolder.open(write_folder(path, config=config, weights=weights))


def _states(folder: PretrainedFolder) -> np.ndarray:
    return states_and_vectors(loaded_classifier(folder), IDS)[0]


@pytest.mark.parametrize(
    "config",
    [
        bert_config(),
        bert_config(hidden_act="gelu_new", layer_norm_eps=1e-3),
        bert_config(hidden_act="relu"),
        electra_config(),
    ],
    ids=["bert", "gelu_new", "relu", "electra"],
)
def test_states_are_those_of_the_formulas(
    tmp_path: Path, config: dict[str, Any]
) -> None:
    states = _states(_saved(tmp_path, config))
    expected = token_states(config, tensors(config), IDS)
    np.testing.assert_allclose(states[IS_REAL], expected[IS_REAL], atol=1e-5)


def test_distilbert_is_bert_without_token_types(tmp_path: Path) -> None:
    states = _states(_saved(tmp_path, distilbert_config()))
    weights = tensors(bert_config())
    weights["embeddings.token_type_embeddings.weight"][:] = 0
    expected = token_states(bert_config(), weights, IDS)
    np.testing.assert_allclose(states[IS_REAL], expected[IS_REAL], atol=1e-5)


def test_sharded_weights_are_the_same(tmp_path: Path) -> None:
    whole = _states(_saved(tmp_path, bert_config()))
    shard(tmp_path)
    parts = _states(PretrainedFolder.open(tmp_path))
    np.testing.assert_array_equal(parts, whole)


def test_embedding_rows_above_the_vocabulary_are_left_out(tmp_path: Path) -> None:
    folder = _saved(tmp_path, bert_config(vocab_size=80))
    model = loaded_classifier(folder)
    words = model.get_layer("token_embedding").embeddings
    expected = tensors(bert_config(vocab_size=80))["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(words, expected[: len(folder.vocabulary)])


def test_model_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = _saved(tmp_path, bert_config())
    with pytest.raises(PretrainedError, match="model.num_layers 1 instead of 2"):
        loaded_classifier(folder, num_layers=1)


def test_masked_lm_head_is_that_of_the_checkpoint(tmp_path: Path) -> None:
    config = bert_config(vocab_size=80)
    beside = masked_lm_tensors(config)
    folder = _saved(tmp_path, config, beside)
    head = load_masked_lm_head(folder)
    transform = "cls.predictions.transform"
    np.testing.assert_array_equal(head.kernel.T, beside[f"{transform}.dense.weight"])
    np.testing.assert_array_equal(head.gamma, beside[f"{transform}.LayerNorm.weight"])
    bias = beside["cls.predictions.bias"][: len(folder.vocabulary)]
    np.testing.assert_array_equal(head.output_bias, bias)


def test_checkpoint_without_masked_lm_head_says_so(tmp_path: Path) -> None:
    folder = _saved(tmp_path, bert_config())
    assert not has_masked_lm_head(folder)
    with pytest.raises(PretrainedError, match=r"cls\.predictions\.bias is missing"):
        load_masked_lm_head(folder)


def test_head_with_a_matrix_of_its_own_is_refused(tmp_path: Path) -> None:
    config = bert_config()
    beside = masked_lm_tensors(config)
    words = tensors(config)["embeddings.word_embeddings.weight"]
    beside["cls.predictions.decoder.weight"] = words
    load_masked_lm_head(_saved(tmp_path, config, beside))
    beside["cls.predictions.decoder.weight"] = words + 1
    with pytest.raises(PretrainedError, match="and they differ; taken are heads"):
        load_masked_lm_head(_saved(tmp_path, config, beside))
