"""The best epoch is kept: in memory, in a folder, and across an interruption."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from model.training.callbacks import KeepBest, Progress

ACCURACIES = (0.5, 0.9, 0.4, 0.9)


@pytest.fixture
def model() -> keras.Model:
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])


def watch(model: keras.Model, folder: Path | None, *, patience: int = 9) -> KeepBest:
    callback = KeepBest(
        str(folder) if folder else None, monitor="val_accuracy", patience=patience
    )
    callback.set_model(model)
    callback.on_train_begin()
    return callback


def run_epochs(
    callback: KeepBest, accuracies: tuple[float, ...], first_epoch: int = 0
) -> None:
    """Epoch n ends with the weight n, counted from 0."""
    for epoch, accuracy in enumerate(accuracies, start=first_epoch):
        callback.model.set_weights([np.full((1, 1), epoch, "float32")])
        callback.on_epoch_end(epoch, {"val_accuracy": accuracy})


@pytest.mark.parametrize("with_folder", [False, True])
def test_first_best_epoch_is_restored_at_the_end(
    model: keras.Model, tmp_path: Path, *, with_folder: bool
) -> None:
    callback = watch(model, tmp_path if with_folder else None)
    run_epochs(callback, ACCURACIES)
    callback.on_train_end()
    assert (callback.best, callback.best_epoch) == (0.9, 2)
    assert model.get_weights()[0].item() == 1


def test_best_from_before_an_interruption_is_restored(
    model: keras.Model, tmp_path: Path
) -> None:
    run_epochs(watch(model, tmp_path), ACCURACIES[:2])
    resumed = watch(model, tmp_path)
    run_epochs(resumed, ACCURACIES[2:], first_epoch=2)
    resumed.on_train_end()
    assert resumed.best_epoch == 2
    assert model.get_weights()[0].item() == 1


def test_patience_is_counted_from_the_best_epoch(model: keras.Model) -> None:
    callback = watch(model, None, patience=2)
    model.stop_training = False
    run_epochs(callback, ACCURACIES[:3])
    assert not model.stop_training
    run_epochs(callback, ACCURACIES[3:], first_epoch=3)
    assert model.stop_training


def test_progress_counts_and_tells_where_training_stands() -> None:
    now = Progress(epoch=2, epochs=3, step=5, steps=20, loss=0.5, accuracy=0.75)
    assert (now.done, now.total) == (25, 60)
    assert now.told == "epoch 2/3  step 5/20  loss 0.500  accuracy 0.750"
    now = dataclasses.replace(now, validation_accuracy=0.8)
    assert now.told.endswith("  validation 0.800")
