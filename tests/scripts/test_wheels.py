"""The two small distributions, laid out as they are built."""

import ast
import json
import os
import pathlib
import subprocess
import sys
import tomllib
from typing import Any

import pytest

from scripts import wheels
from tests.support.repository import ROOT
from tests.support.serving.fakes import FakeServer
from tests.support.serving.hostile_folder import COMPLAINT, hostile_folder
from tests.support.serving.programs_of_users import ASK_A_SERVER

EXTRAS = {"ktp-client": "client", "ktp-edge": "edge"}


def pyproject(folder: pathlib.Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", wheels.SOURCES)
def test_a_distribution_is_laid_out_whole(name: str, tmp_path: pathlib.Path) -> None:
    project = wheels.stage(name, tmp_path)
    described = pyproject(project)["project"]
    assert described["name"] == name
    assert described["requires-python"] == ">=3.9"
    assert (project / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (project / "README.md").read_text().startswith(f"# {name}\n")
    package = project / name.replace("-", "_")
    assert (package / "__init__.py").is_file()
    assert (package / "py.typed").is_file()
    assert not list(package.rglob("__pycache__"))


@pytest.mark.parametrize("name", wheels.SOURCES)
def test_a_distribution_needs_what_the_extra_of_the_pipeline_brings(name: str) -> None:
    ours = pyproject(ROOT / "distributions" / name)["project"]["dependencies"]
    extras = pyproject(ROOT)["project"]["optional-dependencies"]
    assert ours == extras[EXTRAS[name]]


SOURCES = sorted(
    path for folder in wheels.SOURCES.values() for path in (ROOT / folder).rglob("*.py")
)


NEWER_ARGUMENTS = {"strict", "kw_only", "slots"}
NEWER_NAMES = {"StrEnum", "ExceptionGroup", "TaskGroup", "pairwise"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_code_is_python_3_9(path: pathlib.Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    # What its grammar lets through and its library does not have.
    for node in ast.walk(tree):
        assert not isinstance(node, ast.keyword) or node.arg not in NEWER_ARGUMENTS
        assert not isinstance(node, ast.Attribute) or node.attr not in NEWER_NAMES


def test_ktp_client_asks_a_server_beside_hostile_neighbours(
    tmp_path: pathlib.Path,
) -> None:
    wheels.stage("ktp-client", tmp_path)
    folder = hostile_folder(tmp_path / "users")
    script = folder / "ask.py"
    script.write_text(ASK_A_SERVER)
    with FakeServer(tmp_path / "model") as server:
        done = subprocess.run(
            [sys.executable, script, server.grpc_endpoint, server.rest_endpoint],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(tmp_path / "ktp-client")},
            capture_output=True,
            text=True,
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    assert COMPLAINT not in done.stderr
    assert json.loads(done.stdout) == {"grpc": ["billing"] * 3, "rest": ["billing"] * 3}
