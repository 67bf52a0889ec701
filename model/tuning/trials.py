"""What is written down of every trial, also of one that failed."""

import dataclasses
import enum
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

_FILE = "trials.json"
_LEAST_TO_COMPARE = 3


class End(enum.StrEnum):
    """How a trial ended."""

    FINISHED = "finished"
    STOPPED = "stopped"
    """Half-way it was worse than most others: see `is_hopeless`."""
    FAILED = "failed"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trial:
    """One training of the search.

    `accuracy` and `loss` are on the validation split, at the best epoch; of a trial
    that was stopped, the loss is not known. `curve` is the validation accuracy after
    each epoch. `reason` says why it failed.
    """

    settings: Mapping[str, Any]
    end: End
    accuracy: float | None = None
    loss: float | None = None
    seconds: float = 0.0
    epochs: int = 0
    curve: Sequence[float] = ()
    reason: str = ""

    def __post_init__(self) -> None:  # JSON gives lists.
        object.__setattr__(self, "curve", tuple(self.curve))

    @property
    def options(self) -> str:
        """The settings as `ktp run` takes them."""
        return " ".join(f"--set {key}={value}" for key, value in self.settings.items())


def best_of(trials: Iterable[Trial]) -> Trial | None:
    """Finds the best one: by accuracy, of the like by loss; None if all failed."""
    measured = [trial for trial in trials if trial.accuracy is not None]
    return max(measured, key=score, default=None)


def score(trial: Trial) -> float:
    """Makes one number of accuracy and loss, in which accuracy always comes first."""
    loss = 10.0 if trial.loss is None else min(trial.loss, 10.0)
    return (trial.accuracy or 0.0) - 1e-7 * loss


def is_hopeless(curve: Sequence[float], epochs: int, others: Iterable[Trial]) -> bool:
    """Says whether a trial, half of it done, is below the median of the others then.

    The median stopping rule (Golovin et al. 2017, "Google Vizier", section 3.2.2), on
    the best accuracy so far and at the same share of each trial's length, because the
    learning rate falls along with that.
    """
    share = len(curve) / epochs
    reached = [
        max(other.curve[: max(1, round(share * other.epochs))])
        for other in others
        if other.end is End.FINISHED and other.curve
    ]
    if share < 1 / 2 or len(curve) == epochs or len(reached) < _LEAST_TO_COMPARE:
        return False
    return max(curve) < statistics.median(reached)


def write_trials(uri: str, trials: Iterable[Trial]) -> None:
    """Writes all trials, in their order, into a folder."""
    rows = [dataclasses.asdict(trial) for trial in trials]
    with tf.io.gfile.GFile(f"{uri}/{_FILE}", "w") as file:
        file.write(json.dumps(rows, indent=1))


def read_trials(uri: str) -> list[Trial]:
    """Reads what `write_trials` wrote; none where there is no file."""
    if not tf.io.gfile.exists(f"{uri}/{_FILE}"):
        return []
    with tf.io.gfile.GFile(f"{uri}/{_FILE}") as file:
        rows = json.loads(file.read())
    return [Trial(**{**row, "end": End(row["end"])}) for row in rows]
