"""The image of pipeline steps: built, and steps of a compiled pipeline run in it."""

import csv
import json
import pathlib
import subprocess
import sys

import pytest

from tests.support.k8s import images

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.timeout(5400)]

IMAGE = "keras-transformer-pipeline:test"
MOST_GB = 4.5
CLAIM = "keras-transformer-pipeline"


@pytest.fixture(scope="module")
def tool() -> str:
    return images.container_tool()


@pytest.fixture(scope="module")
def image(tool: str) -> str:
    """Built from this tree; the name stays, and its layers are the next build's."""
    images.build(tool, "image", f"IMAGE={IMAGE}")
    return IMAGE


def test_the_image_is_no_larger_than_it_needs_to_be(tool: str, image: str):
    assert images.size_gb(tool, image) <= MOST_GB


def test_the_image_is_the_command_line(tool: str, image: str):
    """As anybody's user, on a file system that nobody may write to."""
    locked = ("--read-only", "--tmpfs=/tmp", "--cap-drop=all", "--network=none")
    asked = [tool, "run", "--rm", *locked, image, "run", "--help"]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert "Usage: ktp run" in told


def ktp(*arguments: str) -> str:
    command = [sys.executable, "-m", "pipeline", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_steps_of_a_compiled_pipeline_run_in_it(
    tool: str, image: str, tmp_path: pathlib.Path
):
    """Four of the fourteen: each imports TFX, which takes most of a minute."""
    if not tool.endswith("podman"):
        pytest.skip("ktp run-spec starts containers with podman")
    volume = tmp_path / "volume"
    volume.mkdir()
    with (volume / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([f"{topic} {n}", topic] for n in range(60) for topic in "ab")
    path, root = tmp_path / "p.yaml", tmp_path / "run"
    ktp("compile", f"--output={path}", "--data=/data/rows.csv", f"--image={image}")
    told = ktp(
        *("run-spec", str(path), f"--output={root}", "--backend=podman"),
        *(f"--volume={CLAIM}={volume}", "--until=SchemaGen", "--until=VocabularyGen"),
    )
    assert told.count("✓") == 4
    (labels,) = root.rglob("labels.txt")
    assert labels.read_text().split() == ["a", "b"]
    assert json.loads(next(root.rglob("output.json")).read_text())["artifacts"]
