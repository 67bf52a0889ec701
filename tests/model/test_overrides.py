"""`--set section.field=value`: what is changed, and what is refused."""

import pytest

from model.config import PRESETS, Preset
from model.overrides import apply_overrides

SMALL = PRESETS["small"]


def changed(**texts: str) -> Preset:
    overrides = {key.replace("__", "."): text for key, text in texts.items()}
    return apply_overrides(SMALL, overrides, sections=("model", "training"))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("learning_rate", "3e-4", 3e-4),
        ("max_epochs", "7", 7),
        ("jit_compile", "true", True),
        ("jit_compile", "False", False),
        ("jit_compile", "auto", None),
        ("mixed_precision", "none", None),
    ],
)
def test_text_becomes_the_type_of_the_setting(
    key: str, text: str, expected: object
) -> None:
    value = getattr(changed(**{f"training__{key}": text}).training, key)
    assert value == expected
    assert type(value) is type(expected)


def test_settings_that_are_not_named_stay() -> None:
    preset = changed(model__num_layers="3")
    assert preset.training == SMALL.training
    assert preset.model.hidden_dim == SMALL.model.hidden_dim


def test_settings_that_belong_together_change_together() -> None:
    model = changed(model__hidden_dim="90", model__num_heads="3").model
    assert (model.hidden_dim, model.num_heads) == (90, 3)


def test_misspelt_key_is_answered_with_the_nearest_and_all_allowed() -> None:
    with pytest.raises(ValueError, match=r"'training\.lerning_rate'") as caught:
        changed(training__lerning_rate="1")
    assert "Did you mean 'training.learning_rate'?" in str(caught.value)
    assert "model.num_layers" in str(caught.value)


def test_key_like_nothing_gets_no_suggestion() -> None:
    with pytest.raises(ValueError, match=r"Unknown setting 'zzz'\. Allowed"):
        changed(zzz="1")


def test_what_the_data_decides_cannot_be_set() -> None:
    with pytest.raises(ValueError, match=r"Unknown setting 'model\.num_classes'"):
        changed(model__num_classes="5")


@pytest.mark.parametrize(
    ("key", "text", "allowed"),
    [
        ("model__num_layers", "two", "a whole number, 1 to 128"),
        ("model__num_layers", "2.5", "a whole number, 1 to 128"),
        ("model__num_layers", "", "a whole number, 1 to 128"),
        ("training__learning_rate", "fast", "a number, above 0, at most 1"),
        ("training__jit_compile", "1", "false, true or none"),
        ("training__max_epochs", "none", "a whole number, 1 to 100000"),
        ("training__max_epochs", "null", "a whole number, 1 to 100000"),
    ],
)
def test_value_of_another_type_is_refused_with_what_is_allowed(
    key: str, text: str, allowed: str
) -> None:
    with pytest.raises(ValueError, match=f"is '{text}'; allowed: {allowed}"):
        changed(**{key: text})


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "0", "-1e-3", "1e400", "2"])
def test_a_number_out_of_range_is_refused_with_the_range_and_an_example(
    text: str,
) -> None:
    message = r"training\.learning_rate is .*allowed: a number, above 0, at most 1, for"
    with pytest.raises(ValueError, match=message):
        changed(training__learning_rate=text)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("max_epochs", "training.max_epochs"),
        ("epochs", "training.max_epochs"),
        ("seed", "training.seed"),
        ("training.hidden_dim", "model.hidden_dim"),
        ("model.hidden-dim", "model.hidden_dim"),
        ("training.max_epoch", "training.max_epochs"),
    ],
)
def test_a_key_without_its_section_or_with_another_is_recognised(
    key: str, meant: str
) -> None:
    with pytest.raises(ValueError, match=f"Did you mean '{meant}'"):
        apply_overrides(SMALL, {key: "1"}, sections=("model", "training"))


def test_a_long_wrong_value_and_key_are_cut_short() -> None:
    with pytest.raises(ValueError, match="num_layers") as caught:
        changed(model__num_layers="9" * 5000)
    assert len(str(caught.value)) < 250
    with pytest.raises(ValueError, match="Unknown setting") as caught:
        changed(**{"x" * 5000: "1"})
    assert len(str(caught.value)) < 1200


def test_changed_settings_are_checked_like_new_ones() -> None:
    with pytest.raises(ValueError, match="must be a multiple"):
        changed(model__num_heads="7")
