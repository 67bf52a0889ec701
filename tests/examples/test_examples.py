"""The programs in examples/ do what their first lines say."""

import pathlib
import subprocess
import sys

import click.testing
import pytest

from examples import ask_a_device, ask_a_server
from model import contract
from tests.support import device_model
from tests.support.repository import ROOT
from tests.support.serving.fakes import FakeServer

NAMES = sorted(
    path.stem for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__"
)


def said(command: click.Command, *words: object) -> str:
    """What the command prints."""
    runner = click.testing.CliRunner()
    result = runner.invoke(command, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("name", NAMES)
def test_every_example_says_what_it_does(name: str) -> None:
    command = [sys.executable, "-m", f"examples.{name}", "--help"]
    finished = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.startswith(f"Usage: python -m examples.{name} [OPTIONS]")


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_server_is_asked_in_all_three_ways(
    tmp_path: pathlib.Path, transport: str
) -> None:
    with FakeServer(tmp_path) as server:
        where = ["--endpoint", server.grpc_endpoint]
        if transport == "rest":
            where = ["--endpoint", server.rest_endpoint, "--rest"]
        printed = said(ask_a_server.main, *where, "a bill", "a" * 90)
    assert f"{contract.MODEL_NAME}, version 1:" in printed
    assert f"{contract.Signature.SERVING_DEFAULT.value}: {contract.TEXT}" in printed
    assert "billing (0.94): a bill" in printed
    assert "asked at once: billing, " in printed


def test_a_model_that_is_not_there_is_told_in_one_line(tmp_path: pathlib.Path) -> None:
    with FakeServer(tmp_path, model_name="another") as server:
        result = click.testing.CliRunner().invoke(
            ask_a_server.main, ["--endpoint", server.grpc_endpoint, "a bill"]
        )
    assert result.exit_code == 1
    assert "does not have this model" in str(result.exception)


def test_a_device_file_is_asked_and_measured(tmp_path: pathlib.Path) -> None:
    path = tmp_path / contract.FLOAT32_TFLITE
    path.write_bytes(device_model.packed())
    printed = said(ask_a_device.main, path, "hello", "--repeat", 2)
    assert f"{len(device_model.LABELS)} labels, computed by" in printed
    assert ": hello\n" in printed
    assert " ms\n" in printed


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_asks_the_same_model_in_four_ways(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-m", "examples.demo", "--preset", "tiny"]
    command += ["--edge-python", str(ROOT / ".venv-edge" / "bin" / "python")]
    finished = subprocess.run(
        [*command, "--output", str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "The same texts, asked four ways" in finished.stdout
    assert (tmp_path / "run" / "report.html").exists()
