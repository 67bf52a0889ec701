"""The wheel, built and installed the plain way: pip, hashes, no more than asked for."""

import pathlib
import subprocess
import sys
import zipfile

import pytest

from scripts.closure import closure
from tests.support.repository import ROOT

REQUIREMENTS = ROOT / "requirements"
CLOSURE = closure(sys.version_info[:2], "x86_64", (2, 39))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Environment:
    """A fresh virtual environment with pip in it."""

    def __init__(self, directory: pathlib.Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        self.bin = directory / "bin"

    def run(self, program: str, *arguments: object) -> str:
        """What `program` prints, run outside the repository."""
        command = [str(self.bin / program), *map(str, arguments)]
        done = subprocess.run(command, cwd=self.bin, capture_output=True, text=True)
        assert not done.returncode, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
        return done.stdout

    def install(self, *arguments: object) -> None:
        """`pip install` of exactly the given things."""
        pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        self.run("python", *pip, "--no-deps", *arguments)

    def install_pinned(self, name: str) -> None:
        """`pip install` of one file of requirements/."""
        self.install("--require-hashes", "-r", REQUIREMENTS / f"{name}.txt")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The project's wheel, built with the pinned build tools."""
    directory = tmp_path_factory.mktemp("wheel")
    builder = Environment(directory / "builder")
    builder.install_pinned("tools")
    pip = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    builder.run("python", *pip, "--wheel-dir", directory, ROOT)
    (path,) = directory.glob("*.whl")
    return path


def installed(directory: pathlib.Path, wheel: pathlib.Path, extra: str) -> Environment:
    environment = Environment(directory / extra)
    environment.install_pinned(f"{extra}-{CLOSURE}")
    environment.install(wheel)
    return environment


def test_the_wheel_has_all_code_and_data_and_nothing_else(wheel: pathlib.Path):
    def wanted(path: pathlib.Path) -> bool:
        return path.is_file() and "__pycache__" not in path.parts

    packages = ("components", "model", "pipeline", "serving")
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in packages
        for path in (ROOT / package).rglob("*")
        if wanted(path)
    }
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {"serving/client/protos/descriptors.binpb"} <= expected
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    assert any(name.endswith(".html.j2") for name in expected)
    assert any(name.endswith("/licenses/LICENSE") for name in names)


MAKE_BOTH_CLIENTS = """
import sys
from serving.client import Client

Client("localhost:1")
Client("localhost:1", transport="rest")
print(*sys.modules)
"""


def test_the_client_needs_only_its_extra(tmp_path: pathlib.Path, wheel: pathlib.Path):
    client = installed(tmp_path, wheel, "client")
    loaded = client.run("python", "-c", MAKE_BOTH_CLIENTS).split()
    assert {"grpc", "httpx"} <= set(loaded)
    assert "tensorflow" not in loaded


def test_help_needs_only_what_the_device_has(
    tmp_path: pathlib.Path, wheel: pathlib.Path
):
    device = installed(tmp_path, wheel, "edge")
    assert "edge" in device.run("ktp", "--help")
    assert "predict" in device.run("ktp", "edge", "--help")
