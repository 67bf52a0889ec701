"""The search goes on after failures and interruptions, and keeps what it found."""

import dataclasses
import pathlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from model.config import ModelConfig, TrainingConfig
from model.training.callbacks import Progress
from model.training.train import TrainingJob
from model.tuning.search import Search, SettingsTuner
from model.tuning.space import SIZES, search_space
from model.tuning.trials import End

JOB = TrainingJob(
    train_pattern="none",
    validation_pattern="none",
    model=ModelConfig(),
    training=TrainingConfig(max_epochs=4, learning_rate=1e-3),
)
# Two settings are left: a Gaussian process over ten takes its time.
FIXED = (
    *SIZES,
    "training.max_epochs",
    "training.weight_decay",
    "training.label_smoothing",
    "training.token_dropout",
    "model.dropout",
)
Train = Callable[[TrainingJob], Any]


def told(job: TrainingJob, accuracy: float, epoch: int, loss: float = 1.0) -> None:
    """Reports an epoch as training does."""
    assert job.on_progress is not None
    job.on_progress(
        Progress(
            epoch=epoch,
            epochs=job.training.max_epochs,
            step=1,
            steps=1,
            loss=loss,
            accuracy=accuracy,
            validation_accuracy=accuracy,
            ends_epoch=True,
        )
    )


def quick_train(job: TrainingJob) -> Any:
    """Is the better, the nearer the learning rate is to 0.003."""
    accuracy = 1 - abs(job.training.learning_rate - 3e-3) * 100
    for epoch in range(1, 5):
        told(job, accuracy * epoch / 4, epoch)
    row = {"val_accuracy": accuracy, "val_loss": 0.1}
    return SimpleNamespace(history=[row], best_epoch=1, best_accuracy=accuracy)


def searched(folder: pathlib.Path, train: Train, num_trials: int = 5) -> SettingsTuner:
    asked = Search(
        space=search_space(JOB.model, JOB.training, FIXED),
        num_trials=num_trials,
        directory=str(folder),
    )
    tuner = SettingsTuner(JOB, asked, train=train)
    tuner.search()
    return tuner


def test_first_trial_has_the_settings_as_they_are(tmp_path: pathlib.Path) -> None:
    first, *others = searched(tmp_path, quick_train, num_trials=2).trials
    assert first.settings["training.learning_rate"] == 1e-3
    assert first.settings["training.global_batch_size"] == 64
    assert others[0].settings != first.settings


def test_search_finds_what_is_better_and_says_the_same_as_tfx_reads(
    tmp_path: pathlib.Path,
) -> None:
    tuner = searched(tmp_path, quick_train, num_trials=9)
    assert len(tuner.trials) == 9
    assert tuner.best.accuracy > 0.8
    assert tuner.best.accuracy == max(t.accuracy or 0 for t in tuner.trials)
    (chosen,) = tuner.get_best_hyperparameters()
    rate = tuner.best.settings["training.learning_rate"]
    assert chosen.get("training.learning_rate") == pytest.approx(rate, rel=0.01)


def test_same_seed_searches_the_same(tmp_path: pathlib.Path) -> None:
    found = [searched(tmp_path / name, quick_train, 3).trials for name in "ab"]
    assert [t.settings for t in found[0]] == [t.settings for t in found[1]]


def test_trial_that_fails_is_written_down_and_others_follow(
    tmp_path: pathlib.Path,
) -> None:
    def fragile_train(job: TrainingJob) -> Any:
        if job.training.learning_rate == 1e-3:
            told(job, 0.5, 1)
            told(job, 0.1, 2, loss=float("nan"))
        raise MemoryError("no room")

    with pytest.raises(RuntimeError, match="All 4 trials failed; the last: MemoryE"):
        _ = searched(tmp_path, fragile_train, 4).best
    tuner = searched(tmp_path, fragile_train, 4)
    assert tuner.trials[0].end is End.FAILED
    assert tuner.trials[0].curve == (0.5,)
    assert "the loss became nan in epoch 2 of 4" in tuner.trials[0].reason
    assert len(tuner.trials) == 4


def test_hopeless_trial_is_stopped_half_way(tmp_path: pathlib.Path) -> None:
    seen: list[float] = []

    def sinking_train(job: TrainingJob) -> Any:
        seen.append(job.training.learning_rate)
        level = 1 - len(seen) / 10
        for epoch in range(1, 5):
            told(job, level, epoch)
        row = {"val_accuracy": level, "val_loss": 0.1}
        return SimpleNamespace(history=[row], best_epoch=1, best_accuracy=level)

    ends = [trial.end for trial in searched(tmp_path, sinking_train).trials]
    assert ends == [*[End.FINISHED] * 3, *[End.STOPPED] * 2]


class PowerCutError(BaseException):
    """What no `except Exception` sees."""


def test_interrupted_search_does_not_repeat_what_is_finished(
    tmp_path: pathlib.Path,
) -> None:
    runs: list[TrainingJob] = []

    def cut_train(job: TrainingJob) -> Any:
        runs.append(job)
        if len(runs) == 2:
            raise PowerCutError
        return quick_train(job)

    with pytest.raises(PowerCutError):
        searched(tmp_path, cut_train, 3)
    tuner = searched(tmp_path, cut_train, 3)
    assert len(runs) == 4
    assert len(tuner.trials) == 3
    assert runs[2].training == runs[1].training  # The one that was cut off.


def test_trials_leave_no_checkpoints_and_no_logs(tmp_path: pathlib.Path) -> None:
    jobs: list[TrainingJob] = []

    def seen_train(job: TrainingJob) -> Any:
        jobs.append(job)
        return quick_train(job)

    asked = Search(
        space=search_space(JOB.model, JOB.training, FIXED),
        num_trials=1,
        directory=str(tmp_path),
    )
    kept = dataclasses.replace(JOB, checkpoint_dir="somewhere", log_dir="elsewhere")
    SettingsTuner(kept, asked, train=seen_train).search()
    assert (jobs[0].checkpoint_dir, jobs[0].log_dir) == (None, None)
