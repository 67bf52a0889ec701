"""Which trial is best, which is hopeless, and that all are remembered."""

import pathlib
from typing import Any

import pytest

from model.tuning import trials
from model.tuning.trials import End, Trial


def trial(**changes: Any) -> Trial:
    usual = {"settings": {"a.b": 1}, "end": End.FINISHED, "accuracy": 0.5, "loss": 1.0}
    return Trial(**{**usual, **changes})


def test_best_is_the_most_accurate_and_of_the_like_the_surest() -> None:
    good, surer = trial(accuracy=0.9, loss=2.0), trial(accuracy=0.9, loss=0.5)
    worse = trial(accuracy=0.89999, loss=0.0)
    failed = trial(end=End.FAILED, accuracy=None, loss=None)
    assert trials.best_of([good, worse, surer, failed]) == surer


def test_nothing_is_best_where_all_failed() -> None:
    assert trials.best_of([trial(end=End.FAILED, accuracy=None)]) is None


OTHERS = [
    trial(curve=(0.5, 0.6, 0.7, 0.8), epochs=4),
    trial(curve=(0.3, 0.4, 0.5, 0.6), epochs=4),
    trial(curve=(0.6, 0.9), epochs=2),
]


@pytest.mark.parametrize(
    ("curve", "epochs", "hopeless"),
    [
        ((0.1, 0.59), 4, True),  # Half-way the others had 0.6, 0.4 and 0.6.
        ((0.1, 0.6), 4, False),
        ((0.6, 0.1), 4, False),  # Its best counts.
        ((0.1,), 4, False),  # Too early to say.
        ((0.1, 0.1, 0.1, 0.1), 4, False),  # It is over.
    ],
)
def test_trial_below_the_median_half_way_is_hopeless(
    curve: tuple[float, ...], epochs: int, hopeless: bool
) -> None:
    assert trials.is_hopeless(curve, epochs, OTHERS) is hopeless


def test_nothing_is_hopeless_beside_two_others() -> None:
    assert not trials.is_hopeless((0.0, 0.0), 4, OTHERS[:2])


def test_trials_are_read_as_they_were_written(tmp_path: pathlib.Path) -> None:
    written = [trial(), trial(end=End.FAILED, accuracy=None, reason="no room")]
    trials.write_trials(str(tmp_path), written)
    assert trials.read_trials(str(tmp_path)) == written
    assert trials.read_trials(str(tmp_path / "elsewhere")) == []


def test_settings_are_told_as_a_run_takes_them() -> None:
    told = trial(settings={"training.seed": 2, "model.dropout": 0.1}).options
    assert told == "--set training.seed=2 --set model.dropout=0.1"
