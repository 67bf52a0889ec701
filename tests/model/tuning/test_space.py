"""The search space: around the given settings, and nothing that a person has set."""

import keras_tuner
import pytest

from model.config import ModelConfig, TrainingConfig
from model.tuning.space import SIZES, as_settings, search_space

MODEL = ModelConfig(hidden_dim=128, num_heads=4)
TRAINING = TrainingConfig(learning_rate=2e-3, max_epochs=10, global_batch_size=64)


def declared(
    *fixed: str, model: ModelConfig = MODEL, training: TrainingConfig = TRAINING
) -> dict[str, keras_tuner.engine.hyperparameters.HyperParameter]:
    space = search_space(model, training, fixed)
    return {parameter.name: parameter for parameter in space.space}


def test_every_setting_starts_where_it_stands() -> None:
    for key, parameter in declared().items():
        section, name = key.split(".")
        owner = MODEL if section == "model" else TRAINING
        assert parameter.default == getattr(owner, name)


def test_factors_are_searched_on_a_logarithmic_scale() -> None:
    rate = declared()["training.learning_rate"]
    assert (rate.min_value, rate.max_value) == pytest.approx((4e-4, 1e-2))
    assert rate.sampling == "log"
    epochs = declared()["training.max_epochs"]
    assert (epochs.min_value, epochs.max_value) == (5, 20)
    assert declared()["training.global_batch_size"].values == [32, 64, 128]


def test_what_a_person_has_set_is_not_searched() -> None:
    left = declared("training.learning_rate", *SIZES)
    assert "training.learning_rate" not in left
    assert left.keys() == declared().keys() - {"training.learning_rate", *SIZES}


def test_what_is_off_and_has_no_scale_stays_off() -> None:
    assert "training.weight_decay" not in declared(
        training=TrainingConfig(weight_decay=0.0)
    )


def test_no_search_leaves_what_a_setting_allows() -> None:
    rate = declared(training=TrainingConfig(learning_rate=0.5))[
        "training.learning_rate"
    ]
    assert rate.max_value == 1
    assert declared(training=TrainingConfig(global_batch_size=1))[
        "training.global_batch_size"
    ].values == [1, 2]


def test_width_that_the_heads_cannot_share_is_left_alone() -> None:
    odd = ModelConfig(hidden_dim=132, num_heads=12)
    assert "model.hidden_dim" not in declared(model=odd)


def test_found_numbers_are_short_enough_to_type() -> None:
    found = as_settings({"a": 0.00123456, "b": 64, "c": 0.3})
    assert found == {"a": 0.00123, "b": 64, "c": 0.3}
