"""What does not fit is refused, and a method brings its learning rate."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model.adaptation.config import AdaptationConfig
from model.pretrained.folder import PretrainedFolder
from pipeline import fine_tuning
from pipeline.config import RunConfig
from pipeline.errors import SettingError
from tests.support.pretrained.folders import write_folder


def with_masked_head(path: Path) -> PretrainedFolder:
    write_folder(path)
    tensors = load_file(path / "model.safetensors")
    bias = {"cls.predictions.bias": np.zeros(1, np.float32)}
    save_file(tensors | bias, path / "model.safetensors")
    return PretrainedFolder.open(path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"method": "lora"}, "adaptation.method is lora, and there are no pretrained"),
        ({"layer_decay": 0.8}, "adaptation.layer_decay is 0.8, and there are no"),
        ({"unfreeze_epochs": 1}, "adaptation.unfreeze_epochs is 1, and there are no"),
    ],
)
def test_from_scratch_everything_is_trained_alike(
    settings: dict[str, object], told: str
):
    with pytest.raises(SettingError, match=told):
        fine_tuning.check_weights(AdaptationConfig(**settings), None)
    fine_tuning.check_weights(AdaptationConfig(), None)


@pytest.mark.parametrize("method", ["prompt", "prompt_tuning"])
def test_a_prompt_needs_a_checkpoint_with_its_masked_lm_head(
    tmp_path: Path, method: str
):
    config = AdaptationConfig(method=method)
    bare = PretrainedFolder.open(write_folder(tmp_path / "bare"))
    with pytest.raises(SettingError, match=r"without its masked-LM head.*lora, full"):
        fine_tuning.check_weights(config, bare)
    fine_tuning.check_weights(AdaptationConfig(method="lora"), bare)
    fine_tuning.check_weights(config, with_masked_head(tmp_path / "whole"))


def test_words_for_a_label_that_is_not_there_are_refused():
    config = AdaptationConfig(verbalizer='{"goood": "great"}')
    with pytest.raises(SettingError, match=r"'goood'.*2 labels are bad, good\."):
        fine_tuning.check_words(config, ["good", "bad"])
    fine_tuning.check_words(config, ["goood", "bad"])


def test_a_method_brings_its_learning_rate_unless_one_is_set():
    lora = {"adaptation.method": "lora"}
    assert RunConfig.of("base").training.learning_rate == 1e-4
    assert RunConfig.of("base", lora).training.learning_rate == 1e-3
    chosen = {**lora, "training.learning_rate": "0.02"}
    assert RunConfig.of("base", chosen).training.learning_rate == 0.02
