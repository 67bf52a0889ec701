"""What the Tuner leaves behind: the best settings for the Trainer, and every trial."""

import json
import pathlib
from types import SimpleNamespace
from typing import Any

import keras_tuner
import pytest

from components import settings_tuner
from model.config import ModelConfig, TrainingConfig
from model.training.train import TrainingJob
from model.tuning.search import Search, SettingsTuner
from model.tuning.space import search_space
from model.tuning.trials import read_trials

# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)

JOB = TrainingJob(
    train_pattern="none",
    validation_pattern="none",
    model=ModelConfig(),
    training=TrainingConfig(),
)


def outputs(folder: pathlib.Path) -> dict[str, list[Any]]:
    keys = ("best_hyperparameters", "tuner_results")
    for key in keys:
        (folder / key).mkdir()
    return {key: [SimpleNamespace(uri=str(folder / key))] for key in keys}


def searched(folder: pathlib.Path, *, fails: bool) -> SettingsTuner:
    def train(job: TrainingJob) -> Any:
        if fails:
            raise MemoryError("no room")
        rate = job.training.learning_rate
        row = {"val_accuracy": rate, "val_loss": 0.1}
        return SimpleNamespace(history=[row], best_epoch=1, best_accuracy=rate)

    asked = Search(
        space=search_space(JOB.model, JOB.training, ()),
        num_trials=3,
        directory=str(folder / "search"),
    )
    tuner = SettingsTuner(JOB, asked, train=train)
    tuner.search()
    return tuner


def test_best_settings_and_every_trial_are_written(tmp_path: pathlib.Path) -> None:
    tuner = searched(tmp_path, fails=False)
    settings_tuner.finish(tuner, outputs(tmp_path))
    assert read_trials(str(tmp_path / "tuner_results")) == tuner.trials
    text = (tmp_path / "best_hyperparameters/best_hyperparameters.txt").read_text()
    best = keras_tuner.HyperParameters.from_config(json.loads(text))
    rate = tuner.best.settings["training.learning_rate"]
    assert best.get("training.learning_rate") == pytest.approx(rate, rel=0.01)
    assert not (tmp_path / "search").exists()


def test_search_in_which_all_failed_is_an_error(tmp_path: pathlib.Path) -> None:
    tuner = searched(tmp_path, fails=True)
    with pytest.raises(RuntimeError, match="All 3 trials failed.*MemoryError: no room"):
        settings_tuner.finish(tuner, outputs(tmp_path))
    assert (tmp_path / "search").exists()
