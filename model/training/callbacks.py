"""What happens between training steps: progress, best weights, resuming."""

import dataclasses
import os
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from model.training import checkpoint


@dataclasses.dataclass(frozen=True, kw_only=True)
class Progress:
    """Where training stands after a step; `step` and `epoch` count from 1.

    `loss` and `accuracy` are means over the epoch so far. `validation_accuracy` is
    that of the last full epoch, None in the first. `ends_epoch` after the validation.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float
    validation_accuracy: float | None = None
    ends_epoch: bool = False

    @property
    def done(self) -> int:
        """Steps that are behind, of all epochs."""
        return (self.epoch - 1) * self.steps + self.step

    @property
    def total(self) -> int:
        """Steps of all epochs."""
        return self.epochs * self.steps

    @property
    def told(self) -> str:
        """Says it in a line."""
        text = (
            f"epoch {self.epoch}/{self.epochs}  step {self.step}/{self.steps}  "
            f"loss {self.loss:.3f}  accuracy {self.accuracy:.3f}"
        )
        if self.validation_accuracy is not None:
            text += f"  validation {self.validation_accuracy:.3f}"
        return text


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
        self._now = dataclasses.replace(
            self._now, epoch=epoch + 1, step=0, ends_epoch=False
        )

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        self._report(logs or {}, step=batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        accuracy = float(logs["val_accuracy"])
        self._report(logs, validation_accuracy=accuracy, ends_epoch=True)

    def _report(self, logs: dict[str, Any], **changes: Any) -> None:
        self._now = dataclasses.replace(
            self._now,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            **changes,
        )
        self._on_progress(self._now)


class EvaluateAverages(keras.callbacks.Callback):
    """Lets the averaged weights be validated, and kept by the callbacks before it.

    From the validation on the model has them; the callbacks after this one, and the
    next epoch, find the weights that are trained. Keras's SwapEMAWeights swaps by
    adding and subtracting, which changes the weights a little every time.
    """

    _swapped = False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._swap()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._swapped:
            self._swap()

    def _swap(self) -> None:
        optimizer = self.model.optimizer
        # A float16 training has an optimizer in its optimizer.
        getattr(optimizer, "inner_optimizer", optimizer).swap_averages()
        self._swapped = not self._swapped


class KeepBest(keras.callbacks.Callback):
    """Stops after `patience` epochs without a better `monitor`; restores the best.

    Unlike keras.callbacks.EarlyStopping it remembers the best epoch in a folder, so a
    resumed training can still return weights from before the interruption.
    """

    def __init__(
        self, folder: str | None, *, monitor: str, patience: int, writes: bool = True
    ) -> None:
        super().__init__()
        self._writes = writes
        self._path = os.path.join(folder, "best.npz") if folder else None
        self._monitor = monitor
        self._patience = patience
        self._values: list[np.ndarray] | None = None
        self.best = float("-inf")
        self.best_epoch = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        kept = checkpoint.load(self._path) if self._path else None
        if kept is not None:
            self.best = kept.facts["best"]
            self.best_epoch = kept.facts["best_epoch"]
            self._values = kept.values

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        value = float((logs or {})[self._monitor])
        if value > self.best:
            self.best, self.best_epoch = value, epoch + 1
            self._save()
        elif epoch + 1 - self.best_epoch >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._values is not None:
            checkpoint.assign(checkpoint.changing(self.model), self._values)

    def _save(self) -> None:
        variables = checkpoint.changing(self.model)
        self._values = checkpoint.values_of(variables)
        if self._path is not None and self._writes:
            facts = {"best": self.best, "best_epoch": self.best_epoch}
            checkpoint.save(self._path, variables, facts)


class Resume(keras.callbacks.Callback):
    """Saves what training changes after every epoch, and goes on from there.

    Args:
        folder: of the checkpoint; without one nothing is saved.
        digest: of the pretrained weights, which are not in the checkpoint.
        writes: False for those who read what another host saves.

    Attributes:
        earlier_s: how long training had lasted at the end of the last epoch that was
            saved, in the attempts before this one.
    """

    def __init__(
        self, folder: str | None, *, digest: str = "", writes: bool = True
    ) -> None:
        super().__init__()
        self._writes = writes
        self._path = os.path.join(folder, "resume.npz") if folder else None
        self._digest = digest
        self._rows: list[dict[str, float]] = []
        self._started = time.monotonic()
        self.earlier_s = 0.0

    def restore(self, model: keras.Model) -> int:
        """Takes model and optimizer to the end of the last epoch that was saved.

        Returns:
            How many epochs are done: fit's `initial_epoch`.

        Raises:
            ValueError: The checkpoint is of another model or of other weights.
        """
        kept = checkpoint.load(self._path) if self._path else None
        if kept is None:
            return 0
        if kept.facts["digest"] != self._digest:
            raise ValueError(
                f"{self._path} continues training of pretrained weights with sha256 "
                f"{kept.facts['digest'] or 'none'}; given are {self._digest or 'none'}."
                " Give it those, or delete it to start anew."
            )
        model.optimizer.build(model.trainable_variables)
        checkpoint.assign(_state(model), kept.values)
        self._rows = kept.facts["rows"]
        self.earlier_s = kept.facts["seconds"]
        return len(self._rows)

    @property
    def rows(self) -> list[dict[str, float]]:
        """The metrics of every epoch, those before an interruption included."""
        return self._rows

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._rows.append({name: float(v) for name, v in (logs or {}).items()})
        if self._path is None or not self._writes:
            return
        seconds = self.earlier_s + time.monotonic() - self._started
        facts = {"digest": self._digest, "rows": self._rows, "seconds": seconds}
        checkpoint.save(self._path, _state(self.model), facts)


def _state(model: keras.Model) -> list[keras.Variable]:
    return [*checkpoint.changing(model), *model.optimizer.variables]
