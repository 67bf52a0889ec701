"""The wheels, built and installed the plain way: pip, hashes, nothing unasked."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

from scripts import wheels
from scripts.closure import closure
from tests.support import device_model
from tests.support.repository import ROOT
from tests.support.serving.fakes import FakeServer
from tests.support.serving.hostile_folder import hostile_folder
from tests.support.serving.programs_of_users import ASK_A_DEVICE, ASK_A_SERVER

REQUIREMENTS = ROOT / "requirements"
CLOSURE = closure(sys.version_info[:2], "x86_64", (2, 39))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Environment:
    """A fresh virtual environment with pip in it."""

    def __init__(self, directory: pathlib.Path, python: str = sys.executable) -> None:
        subprocess.run([python, "-m", "venv", directory], check=True)
        self.bin = directory / "bin"

    def run(
        self, program: str, *arguments: object, cwd: pathlib.Path | None = None
    ) -> str:
        """What `program` prints, run outside the repository."""
        command = [str(self.bin / program), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd or self.bin, capture_output=True, text=True
        )
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
def builder(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The pinned build tools."""
    environment = Environment(tmp_path_factory.mktemp("builder"))
    environment.install_pinned("tools")
    return environment


@pytest.fixture(scope="module")
def built(
    builder: Environment, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    """What `make wheels` builds, by the name of the distribution."""
    return build(builder, tmp_path_factory.mktemp("wheels"))


def build(builder: Environment, output: pathlib.Path) -> dict[str, pathlib.Path]:
    builder.run("python", "-m", "scripts.wheels", "--output", output, cwd=ROOT)
    return {path.name.split("-")[0]: path for path in output.glob("*.whl")}


@pytest.fixture(scope="module")
def wheel(built: dict[str, pathlib.Path]) -> pathlib.Path:
    return built["keras_transformer_pipeline"]


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


def test_the_same_sources_give_the_same_three_wheels(
    builder: Environment, built: dict[str, pathlib.Path], tmp_path: pathlib.Path
):
    again = build(builder, tmp_path)
    assert again.keys() == {"keras_transformer_pipeline", "ktp_client", "ktp_edge"}
    for name, path in again.items():
        first = hashlib.sha256(built[name].read_bytes()).digest()
        assert hashlib.sha256(path.read_bytes()).digest() == first, name


@pytest.mark.parametrize("name", wheels.SOURCES)
def test_a_small_wheel_has_its_folder_and_nothing_else(
    built: dict[str, pathlib.Path], name: str
):
    module = name.replace("-", "_")
    source = ROOT / wheels.SOURCES[name]
    expected = {
        f"{module}/{path.relative_to(source)}"
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(built[module]) as archive:
        names = archive.namelist()
        metadata = archive.read(f"{module}-{wheels.version()}.dist-info/METADATA")
    assert {one for one in names if ".dist-info/" not in one} == expected
    assert f"{module}/py.typed" in names
    assert any(one.endswith("/licenses/LICENSE") for one in names)
    assert b"Requires-Python: >=3.9" in metadata
    assert f"# {name}".encode() in metadata


def alone(
    directory: pathlib.Path, wheel: pathlib.Path, extra: str
) -> tuple[Environment, pathlib.Path]:
    """The wheel with its pinned dependencies and no more; a folder to stand in."""
    environment = installed(directory, wheel, extra)
    # The pipeline's own, which come with every extra.
    pip = ("-m", "pip", "--disable-pip-version-check")
    unwanted = ("click", "rich", "markdown-it-py", "mdurl", "pygments")
    environment.run("python", *pip, "uninstall", "--quiet", "--yes", *unwanted)
    environment.run("python", *pip, "check")
    return environment, hostile_folder(directory / "users")


def test_ktp_client_alone_asks_a_server_beside_hostile_neighbours(
    tmp_path: pathlib.Path, built: dict[str, pathlib.Path]
):
    client, folder = alone(tmp_path, built["ktp_client"], "client")
    script = folder / "ask.py"
    script.write_text(ASK_A_SERVER)
    with FakeServer(tmp_path / "model") as server:
        endpoints = server.grpc_endpoint, server.rest_endpoint
        found = client.run("python", "-W", "error", script, *endpoints, cwd=folder)
    assert json.loads(found) == {"grpc": ["billing"] * 3, "rest": ["billing"] * 3}


def test_ktp_edge_alone_asks_a_device_file_beside_hostile_neighbours(
    tmp_path: pathlib.Path, built: dict[str, pathlib.Path]
):
    device, folder = alone(tmp_path, built["ktp_edge"], "edge")
    script, model = folder / "ask.py", folder / "model.tflite"
    script.write_text(ASK_A_DEVICE)
    model.write_bytes(device_model.packed())
    found = device.run("python", "-W", "error", script, model, cwd=folder)
    assert [one["label"] in device_model.LABELS for one in json.loads(found)]
    (folder / "texts.jsonl").write_text('"my card"\n{"text": "no cash"}\n')
    scorer = ("-m", "ktp_edge", model, "texts.jsonl", "--output", "scores.npy")
    assert json.loads(device.run("python", *scorer, cwd=folder))["rows"] == 2


def pythons() -> list[str]:
    """Every Python on the path that the small wheels promise to work with."""
    found = (shutil.which(f"python3.{minor}") for minor in range(9, 15))
    return [
        python
        for python in found
        # A version manager puts programs there that only say what is missing.
        if python and not subprocess.run([python, "-c", ""]).returncode
    ]


@pytest.mark.parametrize("python", pythons())
def test_the_small_wheels_work_with_every_python_on_the_path(
    tmp_path: pathlib.Path, built: dict[str, pathlib.Path], python: str
):
    environment = Environment(tmp_path / "environment", python)
    folder = hostile_folder(tmp_path / "users")
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    small = (built["ktp_client"], built["ktp_edge"])
    environment.run("python", *pip, "--only-binary", ":all:", *small)
    for name, text in (("server", ASK_A_SERVER), ("device", ASK_A_DEVICE)):
        (folder / f"ask_{name}.py").write_text(text)
    model = folder / "model.tflite"
    model.write_bytes(device_model.packed())
    with FakeServer(tmp_path / "model") as server:
        endpoints = server.grpc_endpoint, server.rest_endpoint
        script = folder / "ask_server.py"
        assert json.loads(environment.run("python", script, *endpoints, cwd=folder))
    script = folder / "ask_device.py"
    assert json.loads(environment.run("python", script, model, cwd=folder))
