"""What config.json says, as settings; what is not taken is named."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from model.config import Activation, ModelConfig
from model.pretrained.architecture import check_fits, model_settings
from model.pretrained.folder import PretrainedFolder
from model.pretrained.reading import PretrainedError
from tests.support.pretrained.encoders import distilbert_config, electra_config, tensors
from tests.support.pretrained.folders import (
    HEADS,
    HIDDEN,
    INTERMEDIATE,
    LAYERS,
    bert_config,
    write_folder,
)


def _opened(path: Path, config: dict[str, Any]) -> PretrainedFolder:
    folder = write_folder(path, config=config, weights=tensors(config))
    return PretrainedFolder.open(folder)


def _fitting(folder: PretrainedFolder, **changes: Any) -> ModelConfig:
    settings = {"vocabulary_size": 30, "max_sequence_length": 20}
    return ModelConfig(**(settings | model_settings(folder) | changes))


@pytest.mark.parametrize("make", [bert_config, distilbert_config, electra_config])
def test_sizes_are_found_under_the_names_of_each_layout(
    tmp_path: Path, make: Any
) -> None:
    found = model_settings(_opened(tmp_path, make()))
    sizes = ("hidden_dim", "intermediate_dim", "num_layers", "num_heads")
    expected = (HIDDEN, INTERMEDIATE, LAYERS, HEADS)
    assert tuple(found[size] for size in sizes) == expected
    assert found["normalize_first"] is False
    assert found["layer_norm_epsilon"] == 1e-12


def test_electra_may_have_narrower_embeddings(tmp_path: Path) -> None:
    assert model_settings(_opened(tmp_path, electra_config()))["embedding_dim"] == 8
    same = electra_config() | {"embedding_size": HIDDEN}
    assert model_settings(_opened(tmp_path, same))["embedding_dim"] is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gelu", Activation.GELU), ("gelu_new", Activation.GELU_TANH)],
)
def test_activation_has_the_form_of_its_name(
    tmp_path: Path, name: str, expected: Activation
) -> None:
    found = model_settings(_opened(tmp_path, bert_config(hidden_act=name)))
    assert found["activation"] == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "silu"}, "hidden_act is 'silu'; taken are gelu,"),
        ({"hidden_act": ["gelu"]}, r"hidden_act is \['gelu'\]; taken are"),
        ({"hidden_size": None}, "hidden_size is None; it must be a whole number"),
        ({"layer_norm_eps": "1e-12"}, "layer_norm_eps is '1e-12'; it must be a"),
        ({"is_decoder": True}, "is_decoder is True; taken is False"),
        (
            {"position_embedding_type": "relative_key"},
            "position_embedding_type is 'relative_key'; taken is 'absolute'",
        ),
    ],
)
def test_what_is_not_taken_is_named(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = _opened(tmp_path, bert_config())
    folder = dataclasses.replace(folder, config=bert_config(**changes))
    with pytest.raises(PretrainedError, match=message):
        model_settings(folder)


def test_settings_from_the_folder_fit_with_any_dropout_and_pooling(
    tmp_path: Path,
) -> None:
    folder = _opened(tmp_path, bert_config())
    check_fits(_fitting(folder, dropout=0.3, pooling="cls"), folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_dim": 32}, r"model.hidden_dim 32 instead of 16\. Leave these"),
        ({"max_sequence_length": 41}, "know 40 positions. Set at most that"),
        ({"vocabulary_size": 5000}, "vocabulary_size is 5000; the weights in"),
    ],
)
def test_settings_that_the_weights_decide_otherwise_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = _opened(tmp_path, bert_config())
    with pytest.raises(PretrainedError, match=message):
        check_fits(_fitting(folder, **changes), folder)
