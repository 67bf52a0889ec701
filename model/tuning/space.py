"""Which settings are searched, and how far from where they stand."""

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import keras_tuner

from model.config import ModelConfig, TrainingConfig
from model.training.train import TrainingJob

_FIGURES = 3
"""Significant figures of a searched number: short enough to type, and what is used."""

SIZES = ("model.hidden_dim", "model.num_layers", "training.piece_splitting")
"""Settings that pretrained weights, or their vocabulary, have decided."""


def search_space(
    model: ModelConfig, training: TrainingConfig, fixed: Collection[str]
) -> keras_tuner.HyperParameters:
    """Declares what is searched around the given settings, which are the defaults.

    `fixed` settings are left where they are, and so are those that are None or off:
    nobody asked for them.
    """
    space = keras_tuner.HyperParameters()
    for key, declare in _SEARCHED.items():
        section, name = key.split(".")
        value = getattr(model if section == "model" else training, name, None)
        if key not in fixed and value is not None:
            declare(space, key, value)
    return _without_sizes_that_do_not_fit(space, model)


def as_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rounds what was found to what `--set` is to be given."""
    return {
        key: float(f"{value:.{_FIGURES}g}") if isinstance(value, float) else value
        for key, value in values.items()
    }


def with_settings(job: TrainingJob, settings: Mapping[str, Any]) -> TrainingJob:
    """Changes the model and the training of a job, each as a whole."""
    changes: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for key, value in settings.items():
        section, name = key.split(".")
        changes[section][name] = value
    return dataclasses.replace(
        job,
        model=dataclasses.replace(job.model, **changes["model"]),
        training=dataclasses.replace(job.training, **changes["training"]),
    )


_Declare = Callable[[keras_tuner.HyperParameters, str, Any], None]


def _times(factor: float, *, most: float) -> _Declare:
    """Searches from a `factor` below to a factor above, on a logarithmic scale."""

    def declare(space: keras_tuner.HyperParameters, key: str, value: Any) -> None:
        low, high = value / factor, min(value * factor, most)
        if isinstance(value, int):
            low, high = max(1, round(low)), round(high)
            if low < high:
                space.Int(key, low, high, sampling="log", default=value)
        elif low < high:
            space.Float(key, low, high, sampling="log", default=value)

    return declare


def _from_zero(high: float) -> _Declare:
    def declare(space: keras_tuner.HyperParameters, key: str, value: Any) -> None:
        space.Float(key, 0.0, max(high, value), default=float(value))

    return declare


def _one_of(*factors: float) -> _Declare:
    def declare(space: keras_tuner.HyperParameters, key: str, value: Any) -> None:
        values = sorted({max(1, int(value * factor)) for factor in factors})
        if len(values) > 1:
            space.Choice(key, values, ordered=True, default=value)

    return declare


def _one_more(space: keras_tuner.HyperParameters, key: str, value: Any) -> None:
    space.Int(key, value, value + 1, default=value)


_SEARCHED: dict[str, _Declare] = {
    "training.learning_rate": _times(5, most=1),
    "training.max_epochs": _times(2, most=100_000),
    "training.global_batch_size": _one_of(0.5, 1, 2),
    "training.weight_decay": _times(10, most=1),
    "training.label_smoothing": _from_zero(0.3),
    "training.token_dropout": _from_zero(0.3),
    "training.piece_splitting": _from_zero(0.3),
    "model.dropout": _from_zero(0.4),
    "model.hidden_dim": _one_of(0.5, 1, 2),
    "model.num_layers": _one_more,
}


def _without_sizes_that_do_not_fit(
    space: keras_tuner.HyperParameters, model: ModelConfig
) -> keras_tuner.HyperParameters:
    """Leaves the width alone where half of it is no multiple of the heads."""
    kept = keras_tuner.HyperParameters()
    for parameter in space.space:
        widths = parameter.values if parameter.name == "model.hidden_dim" else ()
        if not any(width % model.num_heads for width in widths):
            kept.merge([parameter])
    return kept
