"""Settings are checked when they are made, so training never starts with bad ones."""

import dataclasses

import pytest

from model.config import PRESETS, ModelConfig, TrainingConfig


def test_hidden_dim_must_be_a_multiple_of_num_heads() -> None:
    with pytest.raises(
        ValueError, match=r"hidden_dim \(100\).*num_heads \(3\).*try 99"
    ):
        ModelConfig(hidden_dim=100, num_heads=3)


@pytest.mark.parametrize(
    "settings",
    [
        {"num_layers": 0},
        {"num_heads": 0},
        {"intermediate_dim": -1},
        {"dropout": 1.0},
        {"num_classes": 1},
        {"vocabulary_size": 5},
        {"max_sequence_length": 2},
    ],
)
def test_impossible_model_is_refused_by_the_name_of_its_setting(
    settings: dict[str, float],
) -> None:
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        ModelConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"global_batch_size": 0},
        {"max_epochs": 0},
        {"max_steps": 0},
        {"patience": 0},
        {"seed": 0},
        {"learning_rate": 0.0},
        {"warmup_fraction": 1.5},
        {"label_smoothing": -0.1},
        {"token_dropout": 1.0},
        {"weight_decay": -0.1},
        {"clip_norm": 0.0},
    ],
)
def test_impossible_training_is_refused_by_the_name_of_its_setting(
    settings: dict[str, float],
) -> None:
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        TrainingConfig(**settings)


def test_more_weights_than_a_device_file_holds_are_refused_before_training() -> None:
    with pytest.raises(ValueError, match=r"hidden_dim \(16384\).*at most 500,000,000"):
        ModelConfig(hidden_dim=16_384)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_and_much_more_fits_a_device_file(name: str) -> None:
    assert PRESETS[name].model.weights < 150_000_000
    large = ModelConfig(
        vocabulary_size=30_522,
        hidden_dim=1024,
        num_layers=24,
        num_heads=16,
        intermediate_dim=4096,
        max_sequence_length=512,
    )
    # BERT large has 334 million without its masked-language head.
    assert large.weights == pytest.approx(334e6, rel=0.01)


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().hidden_dim = 100  # type: ignore[misc]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_what_to_expect(name: str) -> None:
    description = PRESETS[name].description
    for part in ("Command: ", "Hardware: ", "Time: ", "Expect: "):
        assert part in description


def test_presets_grow_from_tiny_to_base() -> None:
    widths = [PRESETS[name].model.hidden_dim for name in ("tiny", "small", "base")]
    assert widths == sorted(set(widths))
