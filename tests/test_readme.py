"""What the README tells people to type exists."""

import re
import shlex

import click
import pytest

from pipeline import cli
from pipeline.config import RunConfig
from tests.support.repository import ROOT

_README = (ROOT / "README.md").read_text()
_SHELL = "\n".join(re.findall(r"```sh\n(.*?)```", _README, re.DOTALL))
_INLINE = re.findall(r"`(ktp [^`]+)`", _README)
COMMANDS = sorted(set(re.findall(r"^\S*(ktp .*)$", _SHELL, re.MULTILINE)) | {*_INLINE})


def _resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and what is left of them."""
    command: click.Command = cli.ktp
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"ktp has no command {name!r}"
        command = found
    return command, words


@pytest.mark.parametrize("line", COMMANDS)
def test_every_ktp_command_takes_its_options(line: str) -> None:
    command, words = _resolve(shlex.split(line, comments=True)[1:])
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make ([a-z-]+)", _README))))
def test_every_make_target_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "setting", sorted(set(re.findall(r"--set (\S+=\S+?)`", _README)))
)
def test_every_setting_is_allowed(setting: str) -> None:
    key, _, value = setting.partition("=")
    section, field = key.split(".")
    config = RunConfig.of(overrides={key: value})
    assert str(getattr(getattr(config, section), field)) == value


@pytest.mark.parametrize("folder", re.findall(r"^\| `([a-z0-9/]+/)` \|", _README, re.M))
def test_every_folder_exists(folder: str) -> None:
    assert (ROOT / folder).is_dir()


def test_the_readme_stays_short_and_has_what_the_tests_above_look_for() -> None:
    assert len(_README.splitlines()) < 200
    assert len(COMMANDS) >= 7
