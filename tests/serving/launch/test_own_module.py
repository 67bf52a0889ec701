"""Our modules in processes of their own, started where a user's bear their names."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from serving.launch import engines
from serving.launch.engines import Engine
from serving.launch.own_module import python_command
from serving.launch.settings import EngineSettings
from serving.server.models.config import ModelEntry
from tests.support.serving.hostile_folder import COMPLAINT, hostile_folder


@pytest.fixture
def hostile(tmp_path: pathlib.Path) -> pathlib.Path:
    return hostile_folder(tmp_path / "users")


def run(
    command: list[str], folder: pathlib.Path, **environ: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=100,
    )


MODULES = ["serving.server", "serving.edge", "serving.request_logs.to_examples"]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_starts_beside_a_user_s_of_the_same_names(
    hostile: pathlib.Path, module: str
) -> None:
    plain = run([sys.executable, "-m", module, "--help"], hostile)
    assert COMPLAINT in plain.stderr  # what would happen
    done = run(python_command(module, "--help"), hostile)
    assert done.returncode == 0, done.stderr
    assert "usage" in (done.stdout + done.stderr).lower()


def test_python_path_does_not_put_a_user_s_module_first(hostile: pathlib.Path) -> None:
    command = python_command("serving.server", "--help")
    done = run(command, hostile, PYTHONPATH=str(hostile))
    assert done.returncode == 0, done.stderr


def test_arguments_and_the_exit_status_go_through(tmp_path: pathlib.Path) -> None:
    done = run(python_command("serving.edge", "--no-such"), tmp_path)
    assert done.returncode == 2
    assert "serving.edge" in done.stderr


def test_the_embedded_server_is_started_so(tmp_path: pathlib.Path) -> None:
    model = ModelEntry(name="m", base_path=str(tmp_path))
    settings = EngineSettings.of((model,), port=1)
    command = engines.command(Engine.EMBEDDED, settings, tmp_path)
    begin = python_command("serving.server")
    assert list(command.arguments[: len(begin)]) == begin
    assert "-P" in begin


def test_ktp_works_beside_a_user_s_modules(hostile: pathlib.Path) -> None:
    ktp = pathlib.Path(sys.executable).with_name("ktp")
    for command in ([str(ktp)], [sys.executable, "-P", "-m", "pipeline"]):
        done = run([*command, "run", "--help"], hostile)
        assert done.returncode == 0, done.stderr
        assert "--preset" in done.stdout


def test_python_m_pipeline_takes_ours_where_only_a_model_is_the_user_s(
    hostile: pathlib.Path,
) -> None:
    (hostile / "pipeline.py").unlink()
    probe = [sys.executable, "-m", "pipeline", "edge", "predict", "--help"]
    done = run(probe, hostile)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["model", "components", "pipeline", "contract"])
def test_a_server_typed_by_hand_takes_our_model_beside_a_user_s(
    tmp_path: pathlib.Path, name: str
) -> None:
    (tmp_path / f"{name}.py").write_text(f"raise RuntimeError({COMPLAINT!r})")
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError({COMPLAINT!r})")
    done = run([sys.executable, "-m", "serving.server", "--help"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Flags:" in done.stdout


def test_client_and_edge_need_no_module_of_the_user_s_names(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "model.py").write_text("raise RuntimeError('hostile')")
    (tmp_path / "components.py").write_text("raise RuntimeError('hostile')")
    script = tmp_path / "ask.py"
    script.write_text(
        "import json, sys\n"
        "from serving.client import Client\n"
        "from serving.edge import EdgeClassifier\n"
        "Client('localhost:1').close()\n"
        "print(json.dumps('model' in sys.modules))\n"
    )
    done = run([sys.executable, str(script)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) is False
