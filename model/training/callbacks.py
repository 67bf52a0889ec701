"""What happens between training steps: progress, best weights, resuming."""

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any

import keras


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after a step; `step` and `epoch` count from 1.

    `loss` and `accuracy` are means over the epoch so far. `validation_accuracy` is
    that of the last full epoch, None in the first.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    validation_accuracy: float | None = None


class ReportProgress(keras.callbacks.Callback):
    """Calls `on_progress` after every step, and once more after every epoch."""

    def __init__(
        self, on_progress: Callable[[Progress], None], epochs: int, steps: int
    ) -> None:
        super().__init__()
        self._on_progress = on_progress
        self._now = Progress(
            epoch=0, epochs=epochs, step=0, steps=steps, loss=0.0, accuracy=0.0
        )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._now = dataclasses.replace(self._now, epoch=epoch + 1, step=0)

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._report(logs or {}, step=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        self._report(logs, validation_accuracy=float(logs["val_accuracy"]))

    def _report(self, logs: dict[str, Any], **changes: Any) -> None:
        self._now = dataclasses.replace(
            self._now,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            **changes,
        )
        self._on_progress(self._now)


class KeepBest(keras.callbacks.Callback):
    """Stops after `patience` epochs without a better `monitor`; restores the best.

    Unlike keras.callbacks.EarlyStopping it remembers the best epoch in a folder, so a
    resumed training can still return weights from before the interruption.
    """

    def __init__(self, folder: str | None, *, monitor: str, patience: int) -> None:
        super().__init__()
        self._folder = folder
        self._monitor = monitor
        self._patience = patience
        self._weights: list[Any] | None = None
        self.best = float("-inf")
        self.best_epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self._folder is None:
            return
        os.makedirs(self._folder, exist_ok=True)
        if os.path.exists(self._path("best.json")):
            with open(self._path("best.json"), encoding="utf-8") as file:
                saved = json.load(file)
            self.best, self.best_epoch = saved["best"], saved["best_epoch"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = float((logs or {})[self._monitor])
        if value > self.best:
            self.best, self.best_epoch = value, epoch + 1
            self._save()
        elif epoch + 1 - self.best_epoch >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._folder is not None and self.best_epoch:
            self.model.load_weights(self._path("best.weights.h5"))
        elif self._weights is not None:
            self.model.set_weights(self._weights)

    def _save(self) -> None:
        if self._folder is None:
            self._weights = self.model.get_weights()
            return
        self.model.save_weights(self._path("best.weights.h5"))
        with open(self._path("best.json"), "w", encoding="utf-8") as file:
            json.dump({"best": self.best, "best_epoch": self.best_epoch}, file)

    def _path(self, name: str) -> str:
        return os.path.join(str(self._folder), name)


def resume_from(folder: str) -> keras.callbacks.Callback:
    """Saves model and optimiser after every epoch, and starts from there if it can."""
    return keras.callbacks.BackupAndRestore(os.path.join(folder, "resume"))
