"""What `--pretrained` makes of the settings, and what it refuses."""

from pathlib import Path

import pytest

from model import contract
from model.config import FINE_TUNING
from model.pretrained.folder import PretrainedFolder
from pipeline.commands.settings import run_config
from pipeline.config import RunConfig
from pipeline.errors import SettingError
from pipeline.pretrained import pretrained_config
from tests.support.pretrained import folders as fakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fakes.write_folder(tmp_path / "model")


def refusal(folder: Path | str, **overrides: str) -> str:
    settings = {key.replace("__", "."): value for key, value in overrides.items()}
    with pytest.raises(SettingError) as caught:
        pretrained_config(str(folder), settings)
    return str(caught.value)


def test_the_folder_decides_form_and_tokeniser(folder: Path):
    found = PretrainedFolder.open(folder)
    config = pretrained_config(str(folder), {})
    assert config.model.hidden_dim == fakes.HIDDEN
    assert config.model.vocabulary_size == len(fakes.TOKENS)
    assert config.tokenizer == contract.TokenizerConfig(
        spec=contract.TokenizerSpec.BERT, max_sequence_length=fakes.POSITIONS
    )
    assert config.training == FINE_TUNING
    assert config.pretrained.place == str(folder)
    assert config.pretrained.digest == found.digest


def test_a_cased_folder_stays_cased(folder: Path):
    fakes.write_json(folder / "tokenizer_config.json", {"do_lower_case": False})
    tokenizer = pretrained_config(str(folder), {}).tokenizer
    assert (tokenizer.lower_case, tokenizer.strips_accents) == (False, False)


def test_training_and_length_can_be_set(folder: Path):
    settings = {
        "training.learning_rate": "2e-5",
        "model.max_sequence_length": "16",
        "model.dropout": "0.3",
    }
    config = pretrained_config(str(folder), settings)
    assert config.training.learning_rate == 2e-5
    assert config.training.max_epochs == FINE_TUNING.max_epochs
    assert (config.model.max_sequence_length, config.model.dropout) == (16, 0.3)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("model__num_layers", "3", "model.num_layers 3 instead of 2"),
        ("model__hidden_dim", "32", "model.hidden_dim 32 instead of 16"),
        ("model__max_sequence_length", "64", "know 40 positions"),
        ("text__tokenizer", "mediapipe", "text.tokenizer mediapipe instead of bert"),
        ("text__lower_case", "false", "text.lower_case False instead of True"),
        ("model__vocabulary_size", "50", "model.vocabulary_size 50 instead of"),
        ("model__num_layer", "3", "Unknown setting"),
    ],
)
def test_a_setting_that_contradicts_the_folder_is_refused(
    folder: Path, key: str, value: str, told: str
):
    assert told in refusal(folder, **{key: value})


def test_what_the_folder_lacks_is_refused_before_the_run(folder: Path):
    (folder / "model.safetensors").unlink()
    assert "has no weights" in refusal(folder)


def test_a_preset_beside_it_is_refused(folder: Path):
    with pytest.raises(SettingError, match="exclude each other"):
        run_config("tiny", str(folder), {})
    with pytest.raises(SettingError, match="--pretrained is empty"):
        run_config(None, "", {})
    assert run_config("tiny", None, {}) == RunConfig.of("tiny")


def test_other_weights_are_another_run(folder: Path):
    before = pretrained_config(str(folder), {}).fingerprint()
    assert pretrained_config(str(folder), {}).fingerprint() == before
    fakes.write_json(folder / "tokenizer_config.json", {"do_lower_case": True})
    assert pretrained_config(str(folder), {}).fingerprint() != before
