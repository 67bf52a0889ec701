"""`--tune N` is a setting, and refused where it is none."""

import pytest
from click.testing import CliRunner

from pipeline.commands.kubeflow import compile_command
from pipeline.commands.run import run
from pipeline.commands.tune import with_trials
from pipeline.config import RunConfig
from pipeline.errors import SettingError


@pytest.mark.parametrize("number", ["0", "-1", "1001", "two", "2.5", ""])
@pytest.mark.parametrize("command", [run, compile_command])
def test_number_of_trials_that_is_none_is_refused(command: object, number: str) -> None:
    words = ["--data", "x.csv"] if command is run else ["--output", "p.yaml"]
    answer = CliRunner().invoke(command, [*words, "--tune", number])  # type: ignore[arg-type]
    assert answer.exit_code == 2
    assert "--tune" in answer.output


def test_trials_are_a_setting() -> None:
    config = RunConfig.of("tiny", with_trials({"training.max_epochs": "2"}, 7))
    assert config.tuner.trials == 7
    assert "training.max_epochs" in config.not_searched


def test_without_a_tuner_it_is_no_matter_what_was_set() -> None:
    default = RunConfig.of("tiny")
    said = RunConfig.of("tiny", with_trials({"training.label_smoothing": "0.1"}, None))
    assert said == default


def test_two_numbers_of_trials_are_refused() -> None:
    with pytest.raises(SettingError, match=r"--tune is 7 and tuner\.trials is 8"):
        with_trials({"tuner.trials": "8"}, 7)
    assert with_trials({"tuner.trials": "7"}, 7) == {"tuner.trials": "7"}
