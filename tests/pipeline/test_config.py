"""Settings of a run: presets, overrides, and what the environment says."""

from pathlib import Path

import pytest

from model import contract
from model.config import PRESETS, ScoringConfig
from pipeline.config import Environment, PipelineConfig, RunConfig, name_problem
from pipeline.data.config import DataConfig
from pipeline.errors import SettingError


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_brings_its_model_and_training(name: str) -> None:
    config = RunConfig.of(name)
    assert config.preset == name
    assert config.model == PRESETS[name].model
    assert config.training == PRESETS[name].training


def test_single_settings_of_every_section_can_be_changed() -> None:
    config = RunConfig.of(
        "tiny",
        {
            "data.min_rows_per_label": "1",
            "text.tokenizer": "unicode",
            "text.normalize_unicode": "false",
            "model.num_layers": "3",
            "training.max_epochs": "2",
            "evaluation.min_accuracy": "0.5",
            "export.top_k": "1",
        },
    )
    assert config.data.min_rows_per_label == 1
    assert config.text.tokenizer is contract.TokenizerSpec.UNICODE
    assert config.text.normalize_unicode is False
    assert config.model.num_layers == 3
    assert config.training.max_epochs == 2
    assert config.evaluation.min_accuracy == 0.5
    assert config.export.top_k == 1


def test_data_settings_given_as_a_whole_are_kept() -> None:
    config = RunConfig.of("tiny", {}, DataConfig(test_fraction=0.2))
    assert config.data.test_fraction == 0.2


@pytest.mark.parametrize(
    ("preset", "overrides", "message"),
    [
        ("huge", {}, "no preset 'huge'; there are tiny, small, base"),
        ("tiny", {"preset": "small"}, "Unknown setting 'preset'"),
        ("tiny", {"export.top": "1"}, "Did you mean 'export.top_k'?"),
        ("tiny", {"data.test_fraction": "2"}, "test_fraction is 2.0"),
    ],
)
def test_what_is_not_allowed_is_a_setting_error(
    preset: str, overrides: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingError) as caught:
        RunConfig.of(preset, overrides)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("key", "text", "meant"),
    [
        ("evaluation.min_accuracy", "79.5", "0.795"),
        ("evaluation.min_accuracy", "100", "1"),
        ("evaluation.min_accuracy", "79.5%", "0.795"),
        ("evaluation.min_accuracy", "79,5 %", "0.795"),
        ("evaluation.min_accuracy", "0,795", "0.795"),
        ("evaluation.min_device_agreement", "99.5", "0.995"),
        ("evaluation.min_device_agreement", "2%", "0.02"),
        ("evaluation.max_accuracy_drop", "1%", "0.01"),
        ("model.dropout", "10", "0.1"),
        ("training.learning_rate", "0,001", "0.001"),
    ],
)
def test_a_percentage_or_a_decimal_comma_gets_what_was_meant(
    key: str, text: str, meant: str
) -> None:
    with pytest.raises(SettingError) as caught:
        RunConfig.of("tiny", {key: text})
    assert str(caught.value).endswith(f" Did you mean {meant}?")
    RunConfig.of("tiny", {key: meant})


def test_from_python_a_value_may_be_what_it_is_and_is_checked_as_well() -> None:
    values = {"training.max_epochs": 7, "training.jit_compile": None}
    config = RunConfig.of("tiny", values)  # type: ignore[arg-type]
    assert config.training.max_epochs == 7
    with pytest.raises(SettingError, match="max_epochs is True; allowed: a whole"):
        RunConfig.of("tiny", {"training.max_epochs": True})  # type: ignore[dict-item]


def test_a_threshold_that_is_no_percentage_gets_no_guess() -> None:
    for text in ("-1", "1.5", "2", "101", "nan", "much"):
        with pytest.raises(SettingError) as caught:
            RunConfig.of("tiny", {"evaluation.min_accuracy": text})
        assert "Did you mean" not in str(caught.value)


def test_more_labels_per_answer_than_there_are_is_refused_unless_nobody_chose() -> None:
    RunConfig.of().export.check_labels(2)
    RunConfig.of(overrides={"export.top_k": "3"}).export.check_labels(3)
    with pytest.raises(SettingError, match=r"top_k is 4.*3 labels.*1 to 3"):
        RunConfig.of(overrides={"export.top_k": "4"}).export.check_labels(3)


@pytest.mark.parametrize("label", ["oos", "cash"])
def test_a_label_to_reject_must_be_one_that_the_threshold_can_be_chosen_on(
    label: str,
) -> None:
    chosen = RunConfig.of(overrides={"evaluation.reject_label": label}).evaluation
    chosen.check_labels({"oos": 1, "cash": 9})
    for counts in ({label: 9}, {"card": 4, "loan": 3}):
        with pytest.raises(SettingError, match=rf"'{label}'.*have '\w+'"):
            chosen.check_labels(counts)
    with pytest.raises(SettingError, match="and 3 more"):
        chosen.check_labels({f"label_{number}": 1 for number in range(8)})
    RunConfig.of().evaluation.check_labels({})


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("none", None),
        ("'none'", "none"),
        ('"None"', "None"),
        ("xnonex", "xnonex"),
        ("'oos'", "'oos'"),
    ],
)
def test_a_label_called_none_is_told_from_none_by_quotes(
    text: str, label: str | None
) -> None:
    overrides = {"evaluation.reject_label": text}
    assert RunConfig.of(overrides=overrides).evaluation.reject_label == label


def test_the_trainer_is_told_what_the_scores_shall_mean() -> None:
    overrides = {"evaluation.calibrate": "false", "evaluation.reject": "0.02"}
    chosen = RunConfig.of(overrides=overrides).evaluation.scoring
    assert chosen == ScoringConfig(calibrate=False, reject=0.02)
    for text in ("1", "-0.1", "2%", "nan"):
        with pytest.raises(SettingError, match=r"evaluation\.reject is .*below 1"):
            RunConfig.of(overrides={"evaluation.reject": text})


def test_the_tokenizer_is_cut_where_the_model_ends() -> None:
    config = RunConfig.of(
        "tiny", {"model.max_sequence_length": "32", "text.tokenizer": "unicode"}
    )
    assert config.tokenizer == contract.TokenizerConfig(
        spec=contract.TokenizerSpec.UNICODE, max_sequence_length=32
    )


def test_equal_settings_have_one_fingerprint_and_others_another() -> None:
    plain = RunConfig.of("tiny").fingerprint()
    assert RunConfig.of("tiny", {"training.seed": "1"}).fingerprint() == plain
    assert RunConfig.of("tiny", {"training.seed": "2"}).fingerprint() != plain
    assert RunConfig.of("tiny", {"evaluation.server_rows": "3"}).fingerprint() != plain


@pytest.mark.parametrize("name", ["a", "0", "keras-transformer", "a" * 63])
def test_a_pipeline_has_a_name_that_kubernetes_takes(name: str) -> None:
    assert name_problem(name) == ""


@pytest.mark.parametrize(
    "name", ["", "A", "a_b", "a.b", "-a", "a-", "a" * 64, "ä", "a b", "a\n", "²"]
)
def test_another_name_is_refused_when_the_pipeline_is_described(name: str) -> None:
    with pytest.raises(SettingError, match="name is .*1 to 63 of them"):
        PipelineConfig(
            name=name,
            run=RunConfig.of("tiny"),
            data_root="d",
            pipeline_root="r",
            serving_dir="s",
            edge_dir="e",
        )


def test_the_environment_names_both_folders() -> None:
    environ = {"KTP_DATASETS": "/sets", "XDG_CACHE_HOME": "/cache"}
    environment = Environment.from_env(environ)
    assert environment.datasets_dir == Path("/sets")
    assert environment.cache_dir == Path("/cache/keras-transformer-pipeline")


@pytest.mark.parametrize("environ", [{}, {"KTP_DATASETS": "", "XDG_CACHE_HOME": ""}])
def test_an_empty_environment_means_no_data_sets_and_the_usual_cache(
    environ: dict[str, str],
) -> None:
    environment = Environment.from_env(environ)
    assert environment.datasets_dir is None
    assert environment.cache_dir.parent == Path("~/.cache").expanduser()
