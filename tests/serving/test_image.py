"""The embedded server's container image: what it says, and that it serves."""

import contextlib
import fnmatch
import http.client
import pathlib
import re
import shutil
import subprocess
import time
import tomllib
import uuid
from collections.abc import Iterator

import pytest

from serving.client import Client
from tests.support.k8s import rendering
from tests.support.k8s.policy import pods
from tests.support.repository import ROOT
from tests.support.serving.fakes import free_port

DOCKERFILE = (ROOT / "serving" / "Dockerfile").read_text()
BASE = re.findall(r"^ARG BASE=(\S+)", DOCKERFILE, re.MULTILINE)[0]


def _instructions(name: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^\s*{name} (.+)$", joined, re.MULTILINE)


def test_everything_that_is_installed_is_pinned_by_hash():
    commands = " && ".join(_instructions("RUN")).split("&&")
    installs = [each for each in commands if "pip" in each and " install " in each]
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


def test_the_image_s_user_is_the_pod_s():
    (deployment,) = pods.deployments(rendering.render("embedded"))
    context = pods.pod_spec(deployment)["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    assert _instructions("USER") == [user]


def test_make_names_the_image_as_the_overlay_does():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    makefile = (ROOT / "Makefile").read_text()
    assert f"IMAGE ?= {project['name']}:{project['version']}\n" in makefile
    assert f"BASE_IMAGE ?= {BASE}\n" in makefile


def test_what_is_copied_is_not_ignored():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    copied = [
        word
        for words in _instructions("COPY")
        if "--from" not in words
        for word in words.split()[:-1]
    ]
    assert copied
    for path in copied:
        assert any(fnmatch.fnmatch(path.split("/")[0], each) for each in let_through)
        assert (ROOT / path).exists()


def _started(tmp_path: pathlib.Path, command: str, *arguments: str) -> list[str]:
    """The arguments of Python, when the image starts `command`."""
    (target,) = [each for each in _instructions("COPY") if "tensorflow_model" in each]
    for source in target.split()[:-1]:
        shutil.copy(ROOT / source, tmp_path)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    environ = dict(re.findall(r"\b(MODEL_\w+)=(\S+)", DOCKERFILE.partition("FROM")[2]))
    environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    run = [str(tmp_path / pathlib.PurePath(command).name), *arguments]
    return subprocess.check_output(run, env=environ, text=True).splitlines()


def test_the_entry_point_is_upstream_s(tmp_path: pathlib.Path):
    (entry_point,) = _instructions("ENTRYPOINT")
    assert entry_point == '["/usr/bin/tf_serving_entrypoint.sh"]'
    command = entry_point.strip('["]')
    assert _started(tmp_path, command, "--model_name=other name", "--version") == [
        *("-P", "-m", "serving.server", "--port=8500", "--rest_api_port=8501"),
        *("--model_name=model", "--model_base_path=/models/model"),
        *("--model_name=other name", "--version"),
    ]


def test_a_manifest_may_start_tensorflow_model_server(tmp_path: pathlib.Path):
    """As the runtimes of KServe and older Kubeflow do, by its path."""
    started = _started(tmp_path, "/usr/bin/tensorflow_model_server", "--port=9000")
    assert started == ["-P", "-m", "serving.server", "--port=9000"]


@pytest.fixture(scope="module")
def tool() -> str:
    """A container tool that has the base image."""
    for name in ("docker", "podman"):
        path = shutil.which(name)
        if (
            path
            and not subprocess.run(
                [path, "image", "inspect", BASE], capture_output=True, check=False
            ).returncode
        ):
            return path
    pytest.skip(f"no container runtime with {BASE}")


@pytest.fixture(scope="module")
def image(tool: str) -> Iterator[str]:
    """Built from this tree."""
    name = f"keras-transformer-pipeline:test-{uuid.uuid4().hex[:8]}"
    make = ["make", "image", f"CONTAINER_TOOL={tool}", f"IMAGE={name}"]
    subprocess.run(make, cwd=ROOT, check=True)
    yield name
    subprocess.run([tool, "rmi", "--force", name], capture_output=True, check=False)


@pytest.mark.container
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_image_serves_like_upstream_s_and_drains(
    tool: str, image: str, number_model: pathlib.Path, tmp_path: pathlib.Path
):
    # pytest's own folders are closed to the image's user.
    models = shutil.copytree(number_model, tmp_path / "m" / "1").parent
    grpc_port, rest_port = free_port(), free_port()
    run = [
        *(tool, "run", "--detach", "--read-only", "--tmpfs=/tmp", "--env=MODEL_NAME=m"),
        *(f"--publish={grpc_port}:8500", f"--publish={rest_port}:8501"),
        f"--volume={models}:/models/m:ro",
        *(image, "--rest_api_timeout_in_ms=1000"),
    ]
    answer = subprocess.run(run, capture_output=True, text=True, check=True)
    container = answer.stdout.strip()
    try:
        _wait_until_ready(rest_port)
        with Client(f"localhost:{grpc_port}", model_name="m") as client:
            assert [each.state for each in client.status()] == ["AVAILABLE"]
        # 137 would be a kill after the ten seconds that `stop` waits.
        subprocess.run([tool, "stop", container], capture_output=True, check=True)
        wait = [tool, "wait", container]
        ended = subprocess.run(wait, capture_output=True, text=True, check=True)
        assert ended.stdout.strip() == "0"
    finally:
        subprocess.run([tool, "rm", "--force", container], check=False)


def _wait_until_ready(port: int, limit_s: float = 300) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        # Refused or cut off: not yet.
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("localhost", port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/v1/models/m/metadata")
                if connection.getresponse().status == http.client.OK:
                    return
        time.sleep(0.5)
    raise AssertionError("the container did not become ready")
