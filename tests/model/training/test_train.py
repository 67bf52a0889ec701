"""Training: it learns, repeats itself, resumes, stops, reports, and distributes."""

import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from model.training.callbacks import Progress
from model.training.train import TrainingJob, TrainingResult, train
from tests.support.replica_training import MODEL, TRAINING, outcome
from tests.support.token_records import (
    keyword_rows,
    moody_teacher,
    padded,
    write_token_records,
)

VALIDATION_ROWS = keyword_rows(37, seed=9)
MakeJob = Callable[..., TrainingJob]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("records")
    # Only a training that is taught reads what the teacher says.
    write_token_records(folder / "train.gz", keyword_rows(160), teacher=moody_teacher)
    write_token_records(folder / "validation.gz", VALIDATION_ROWS)
    return folder


@pytest.fixture(scope="module")
def make_job(folder: pathlib.Path) -> MakeJob:
    def make(
        *, training: dict[str, float] | None = None, **settings: Any
    ) -> TrainingJob:
        return TrainingJob(
            train_pattern=str(folder / "train.gz"),
            validation_pattern=str(folder / "validation.gz"),
            model=MODEL,
            training=dataclasses.replace(TRAINING, **(training or {})),
            strategy=tf.distribute.get_strategy(),
            **settings,
        )

    return make


def weights_of(result: TrainingResult) -> np.ndarray:
    return np.concatenate([w.ravel() for w in result.model.get_weights()])


def test_training_learns_what_the_data_says(make_job: MakeJob) -> None:
    result = train(make_job(training={"max_epochs": 12, "patience": 12}))
    assert result.best_accuracy > 0.9
    assert result.steps_per_epoch == 20
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_same_seed_gives_the_same_weights(make_job: MakeJob) -> None:
    first, again = train(make_job()), train(make_job())
    other = train(make_job(training={"seed": 2}))
    np.testing.assert_array_equal(weights_of(first), weights_of(again))
    assert np.abs(weights_of(first) - weights_of(other)).max() > 1e-3


def test_result_has_the_weights_of_the_best_epoch(make_job: MakeJob) -> None:
    result = train(make_job(training={"learning_rate": 0.05, "max_epochs": 4}))
    labels = [label for _, label in VALIDATION_ROWS]
    logits = result.model(padded([ids for ids, _ in VALIDATION_ROWS]))
    assert np.mean(np.argmax(logits, axis=1) == labels) == pytest.approx(
        result.best_accuracy
    )
    best = max(result.history, key=lambda row: row["val_accuracy"])
    assert result.history[result.best_epoch - 1] == best


def test_averaged_weights_are_validated_and_returned_and_others_trained(
    make_job: MakeJob,
) -> None:
    settings = {"max_epochs": 3, "patience": 9}
    plain = train(make_job(training=settings))
    result = train(make_job(training={**settings, "ema_momentum": 0.95}))
    losses = [[row["loss"] for row in each.history] for each in (plain, result)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    labels = [label for _, label in VALIDATION_ROWS]
    logits = result.model(padded([ids for ids, _ in VALIDATION_ROWS]))
    found = np.mean(np.argmax(logits, axis=1) == labels)
    assert found == pytest.approx(result.best_accuracy)
    assert result.history[0]["val_loss"] > plain.history[0]["val_loss"]


def test_training_stops_when_nothing_gets_better(make_job: MakeJob) -> None:
    idle = {"learning_rate": 1e-12, "max_epochs": 9, "patience": 2}
    result = train(make_job(training=idle))
    assert len(result.history) == 3
    assert result.best_epoch == 1


def test_max_steps_shortens_training(make_job: MakeJob) -> None:
    result = train(make_job(training={"max_steps": 45, "max_epochs": 9}))
    assert len(result.history) * result.steps_per_epoch == 40


def test_progress_is_reported_after_every_step(
    make_job: MakeJob, capfd: pytest.CaptureFixture[str]
) -> None:
    reports: list[Progress] = []
    train(make_job(on_progress=reports.append))
    steps = [(r.epoch, r.step) for r in reports if r.validation_accuracy is None]
    assert steps == [(1, step) for step in range(1, 21)]
    assert (reports[-1].epoch, reports[-1].epochs) == (2, 2)
    assert 0 <= reports[-1].validation_accuracy <= 1
    assert capfd.readouterr().out == ""


class Interruption(Exception):
    """What a power cut looks like to a program."""


def test_interrupted_training_goes_on_after_its_last_full_epoch(
    make_job: MakeJob, tmp_path: pathlib.Path
) -> None:
    def cut_power(now: Progress) -> None:
        if (now.epoch, now.step) == (3, 1):
            raise Interruption

    job = make_job(training={"max_epochs": 4}, checkpoint_dir=str(tmp_path))
    with pytest.raises(Interruption):
        train(dataclasses.replace(job, on_progress=cut_power))
    reports: list[Progress] = []
    resumed = train(dataclasses.replace(job, on_progress=reports.append))
    assert reports[0].epoch == 3
    assert reports[-1].epoch == len(resumed.history) == 4
    # As if nothing had happened: the batches of the first epochs do not come again.
    undisturbed = train(make_job(training={"max_epochs": 4}))
    np.testing.assert_allclose(weights_of(resumed), weights_of(undisturbed), atol=1e-6)


def test_training_killed_after_its_last_epoch_gives_its_result_at_once(
    make_job: MakeJob, tmp_path: pathlib.Path
) -> None:
    job = make_job(checkpoint_dir=str(tmp_path))
    first = train(job)
    reports: list[Progress] = []
    again = train(dataclasses.replace(job, on_progress=reports.append))
    assert not reports
    np.testing.assert_array_equal(weights_of(first), weights_of(again))
    assert again.history == first.history


def test_checkpoint_of_another_model_is_refused(
    make_job: MakeJob, tmp_path: pathlib.Path
) -> None:
    job = make_job(checkpoint_dir=str(tmp_path))
    train(job)
    wider = dataclasses.replace(job.model, hidden_dim=32)
    with pytest.raises(ValueError, match="do not fit the .* of this model"):
        train(dataclasses.replace(job, model=wider))


def test_log_dir_gets_tensorboard_events(
    make_job: MakeJob, tmp_path: pathlib.Path
) -> None:
    train(make_job(training={"max_epochs": 1}, log_dir=str(tmp_path)))
    kinds = {path.parent.name for path in tmp_path.glob("*/events.out.tfevents*")}
    assert kinds == {"train", "validation"}


def test_training_without_examples_is_an_error(
    make_job: MakeJob, tmp_path: pathlib.Path
) -> None:
    empty = write_token_records(tmp_path / "empty.gz", [])
    with pytest.raises(ValueError, match=r"no examples in .*empty\.gz"):
        train(dataclasses.replace(make_job(), train_pattern=empty))


# A second process imports TensorFlow, which takes minutes on a busy machine.
@pytest.mark.timeout(600)
def test_two_replicas_train_like_one_with_xla_and_with_a_teacher(
    folder: pathlib.Path,
) -> None:
    trainings = ({}, {"jit_compile": True}, {"taught": True})
    plain, taught = (
        outcome(folder, tf.distribute.get_strategy(), taught=is_taught)
        for is_taught in (False, True)
    )
    found = outcomes_of_two_replicas(folder, *trainings)
    for one, two in zip((plain, plain, taught), found, strict=True):
        for row, twin in zip(one["history"], two["history"], strict=True):
            assert twin == pytest.approx(row, abs=1e-5)
        np.testing.assert_allclose(two["weights"], one["weights"], atol=1e-4)
    assert plain["history"] != taught["history"]


def outcomes_of_two_replicas(
    folder: pathlib.Path, *trainings: dict[str, Any]
) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.support.replica_training"]
    command += [str(folder), "2", *map(json.dumps, trainings)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()[-len(trainings) :]
    return [json.loads(line) for line in lines]
