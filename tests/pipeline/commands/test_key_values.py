"""KEY=VALUE options: what is read, and what is refused."""

import click
import pytest
from click.testing import CliRunner

from pipeline.commands.key_values import key_values
from pipeline.errors import SettingError


def read(*texts: str) -> dict[str, str]:
    """What a command with a repeatable `--set` gets."""
    got: list[dict[str, str]] = []

    @click.command()
    @click.option("--set", "pairs", multiple=True, callback=key_values)
    def command(pairs: dict[str, str]) -> None:
        got.append(pairs)

    arguments = [word for text in texts for word in ("--set", text)]
    CliRunner().invoke(command, arguments, catch_exceptions=False)
    return got[0]


def test_pairs_become_a_mapping() -> None:
    assert read() == {}
    assert read("a=1", "b=2", "a = 1") == {"a": "1", "b": "2"}


def test_one_key_with_two_values_is_refused_with_both() -> None:
    with pytest.raises(SettingError, match="--set names 'a' twice, as '1' and as '3'"):
        read("a=1", "b=2", "a=3")


def test_space_around_both_is_dropped_and_later_equal_signs_stay() -> None:
    assert read(" url = http://x?y=1 ") == {"url": "http://x?y=1"}


def test_a_value_may_be_empty() -> None:
    assert read("run_name=") == {"run_name": ""}


@pytest.mark.parametrize("text", ["training.max_epochs", "=5", " =5", ""])
def test_what_is_no_pair_is_refused_by_the_name_of_the_option(text: str) -> None:
    with pytest.raises(SettingError, match=r"^--set .* is not KEY=VALUE"):
        read(text)
