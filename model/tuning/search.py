"""The search: trains once per trial, and writes down what came of it."""

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner
from keras_tuner.engine import base_tuner
from sklearn.exceptions import ConvergenceWarning

from model.training.callbacks import Progress
from model.training.train import TrainingJob, TrainingResult, train
from model.tuning import trials
from model.tuning.space import as_settings, with_settings
from model.tuning.trials import End, Trial

_SCORE = "score"
_PROJECT = "search"

OnTrial = Callable[[int, int, Trial], None]
"""Is told each trial's number from 1, how many there will be, and what came of it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched, how often, and where finished trials are kept."""

    space: keras_tuner.HyperParameters
    num_trials: int
    directory: str
    on_trial: OnTrial | None = None


class SettingsOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """First the settings as they are, then at random, then where a model hopes most.

    Why this one: Hyperband decides itself how many trainings there are, and its
    brackets want dozens. A Gaussian process learns from a handful, but keras-tuner's
    starts only after three trials per setting, which is never; here a third of the
    trials are random, at least three. With so few it is never worse than random search,
    and the first trial is what would have been trained without a search.
    """

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.start_order:
            values = {each.name: each.default for each in self.hyperparameters.space}
            return {"status": "RUNNING", "values": values}
        with warnings.catch_warnings():
            # A setting that changes nothing has no length scale to converge to.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return super().populate_space(trial_id)


class SettingsTuner(base_tuner.BaseTuner):
    """Runs a `TrainingJob` with each set of settings.

    A trial that fails is written down, and the search goes on. When it is made again
    with the same directory, trials that ended are not run again.
    """

    def __init__(
        self,
        job: TrainingJob,
        search: Search,
        train: Callable[[TrainingJob], TrainingResult] = train,
    ) -> None:
        self._job = job
        self._train = train
        self._on_trial = search.on_trial
        self.trials: list[Trial] = trials.read_trials(search.directory)
        self._folder = search.directory
        oracle = SettingsOracle(
            objective=keras_tuner.Objective(_SCORE, "max"),
            max_trials=search.num_trials,
            num_initial_points=max(3, search.num_trials // 3),
            seed=job.training.seed,
            hyperparameters=search.space,
            # No number of failures ends the search.
            max_consecutive_failed_trials=search.num_trials + 1,
        )
        oracle.verbose = 0
        super().__init__(oracle, directory=search.directory, project_name=_PROJECT)

    def run_trial(self, trial: Any) -> dict[str, float]:
        """Trains once.

        Raises:
            keras_tuner.errors.FailedTrialError: nothing came of it.
        """
        settings = as_settings(trial.hyperparameters.values)
        watch = _Watch(self._job.on_progress, self.trials)
        started = time.monotonic()
        try:
            done = self._run(settings, watch)
        except Exception as error:  # noqa: BLE001 - whatever it is, others may do.
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            done = Trial(settings=settings, end=End.FAILED, reason=reason)
        finally:
            keras.backend.clear_session()
        done = dataclasses.replace(
            done,
            seconds=time.monotonic() - started,
            curve=tuple(watch.curve),
            epochs=watch.epochs,
        )
        self._write_down(done)
        if done.end is End.FAILED:
            raise keras_tuner.errors.FailedTrialError(done.reason)
        return {_SCORE: trials.score(done)}

    @property
    def best(self) -> Trial:
        """The best of all trials so far.

        Raises:
            RuntimeError: Every one of them failed.
        """
        found = trials.best_of(self.trials)
        if found is None:
            last = self.trials[-1].reason if self.trials else "none was run"
            raise RuntimeError(
                f"All {len(self.trials)} trials failed; the last: {last}"
            )
        return found

    def _run(self, settings: Mapping[str, Any], watch: "_Watch") -> Trial:
        job = with_settings(self._job, settings)
        # A trial that is interrupted starts again; its folder would be in the way.
        job = dataclasses.replace(
            job, checkpoint_dir=None, log_dir=None, on_progress=watch
        )
        try:
            result = self._train(job)
        except _StoppedError:
            accuracy = max(watch.curve)
            return Trial(settings=settings, end=End.STOPPED, accuracy=accuracy)
        row = result.history[result.best_epoch - 1]
        return Trial(
            settings=settings,
            end=End.FINISHED,
            accuracy=result.best_accuracy,
            loss=row["val_loss"],
        )

    def _write_down(self, done: Trial) -> None:
        # One that was killed before keras-tuner knew of its end is run again.
        self.trials = [t for t in self.trials if t.settings != done.settings]
        self.trials.append(done)
        trials.write_trials(self._folder, self.trials)
        if self._on_trial is not None:
            self._on_trial(len(self.trials), self.oracle.max_trials, done)


class _StoppedError(Exception):
    """Ends a training that will not be the best."""


class _Watch:
    """Follows one trial: ends it where its loss is no number, or it is hopeless."""

    def __init__(
        self, on_progress: Callable[[Progress], None] | None, others: list[Trial]
    ) -> None:
        self._on_progress = on_progress
        self._others = others
        self.curve: list[float] = []
        self.epochs = 0

    def __call__(self, now: Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(now)
        if not math.isfinite(now.loss):
            raise FloatingPointError(
                f"the loss became {now.loss} in epoch {now.epoch} of {now.epochs}"
            )
        self.epochs = now.epochs
        if now.ends_epoch and now.validation_accuracy is not None:
            self.curve.append(now.validation_accuracy)
            if trials.is_hopeless(self.curve, self.epochs, self._others):
                raise _StoppedError
