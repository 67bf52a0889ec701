"""The Dockerfile read, and images built from this tree where there is a tool for it."""

import re
import shutil
import subprocess

import pytest

from tests.support.repository import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
BASE = re.findall(r"^ARG BASE=(\S+)", DOCKERFILE, re.MULTILINE)[0]


def instructions(name: str, target: str | None = None) -> list[str]:
    """What follows each `name`, in the whole file or in the stage of `target`."""
    text = DOCKERFILE.replace("\\\n", " ")
    if target is not None:
        text = re.split(rf"^FROM .* AS {target}$", text, flags=re.MULTILINE)[1]
        text = re.split(r"^FROM ", text, flags=re.MULTILINE)[0]
    return re.findall(rf"^\s*{name} (.+)$", text, re.MULTILINE)


def container_tool() -> str:
    """Finds docker or podman with the base image; skips where neither is."""
    for name in ("docker", "podman"):
        path = shutil.which(name)
        if path and not _run([path, "image", "inspect", BASE]).returncode:
            return path
    pytest.skip(f"no container tool with {BASE}: make test-containers")


def build(tool: str, target: str, *settings: str) -> None:
    """Builds an image by the Makefile, from the tree as it stands."""
    make = ["make", target, f"CONTAINER_TOOL={tool}", *settings]
    done = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def size_gb(tool: str, image: str) -> float:
    """Gives the size on disk, in 10^9 bytes."""
    asked = [tool, "image", "inspect", "--format", "{{.Size}}", image]
    return int(_run(asked).stdout) / 1e9


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)
