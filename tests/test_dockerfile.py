"""The Dockerfile of both images: what it says, without building it."""

import fnmatch
import pathlib
import re
import shutil
import subprocess
import tomllib

import pytest

from scripts import lock
from tests.support.k8s import rendering
from tests.support.k8s.images import BASE, DOCKERFILE, instructions
from tests.support.k8s.policy import pods
from tests.support.repository import ROOT

TARGETS = ("pipeline", "server")


def test_everything_that_is_installed_is_pinned_by_hash():
    commands = " && ".join(instructions("RUN")).split("&&")
    installs = [
        each for each in commands if re.search(r"(pip|uv).* (install|sync) ", each)
    ]
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-index" in each for each in installs)


@pytest.mark.parametrize("target", TARGETS)
def test_the_images_user_is_the_pods(target: str):
    (deployment,) = pods.deployments(rendering.render("embedded"))
    context = pods.pod_spec(deployment)["securityContext"]
    user = f"{context['runAsUser']}:{context['runAsGroup']}"
    assert instructions("USER", target) == [user]


def test_make_names_the_images_as_the_project_and_the_overlay_do():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    makefile = (ROOT / "Makefile").read_text()
    (deployment,) = pods.deployments(rendering.render("embedded"))
    served = pods.pod_spec(deployment)["containers"][0]["image"]
    assert f"\nIMAGE ?= {project['name']}:{project['version']}\n" in makefile
    assert f"\nSERVER_IMAGE ?= {served}\n" in makefile
    assert f"BASE_IMAGE ?= {BASE}\n" in makefile


def test_every_set_has_its_pins():
    names = {each.name for each in lock.FILES}
    for name in ("server", "pipeline", "gpu"):
        assert {f"{name}-py311.txt", f"{name}-py312.txt"} <= names


def test_what_is_copied_is_not_ignored():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    copied = [
        word
        for words in instructions("COPY")
        if "--from" not in words
        for word in words.split()[:-1]
    ]
    assert copied
    for path in copied:
        assert any(fnmatch.fnmatch(path.split("/")[0], each) for each in let_through)
        assert (ROOT / path).exists()


def _started(tmp_path: pathlib.Path, command: str, *arguments: str) -> list[str]:
    """The arguments of Python, when the server's image starts `command`."""
    (target,) = [each for each in instructions("COPY") if "tensorflow_model" in each]
    for source in target.split()[:-1]:
        shutil.copy(ROOT / source, tmp_path)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    environ = dict(re.findall(r"\b(MODEL_\w+)=(\S+)", DOCKERFILE.partition("FROM")[2]))
    environ["PATH"] = f"{tmp_path}:/usr/bin:/bin"
    run = [str(tmp_path / pathlib.PurePath(command).name), *arguments]
    return subprocess.check_output(run, env=environ, text=True).splitlines()


def test_the_servers_entry_point_is_upstreams(tmp_path: pathlib.Path):
    (entry_point,) = instructions("ENTRYPOINT", "server")
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
