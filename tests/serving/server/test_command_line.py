"""The command of the server up to where it starts; `test_process` has the rest."""

import re

import pytest

from serving.server.command_line import FAILURE, run
from serving.server.signals import Signals


def test_the_version_is_the_package_s_and_tensorflow_s(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--version"], None, Signals()) == 0
    server, library = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"TensorFlow ModelServer: \d\S* \(embedded\)", server)
    assert re.fullmatch(r"TensorFlow Library: \d\S*", library)


def test_help_is_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], None, Signals()) == 0
    assert "--model_base_path=" in capsys.readouterr().out


def test_a_wrong_value_is_named_before_the_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--port=many"], None, Signals()) == FAILURE
    first, *usage = capsys.readouterr().out.splitlines()
    assert first == "Couldn't interpret value many for flag port; expected int."
    assert any("--model_base_path=" in line for line in usage)
