"""The embedded server's image, built and asked."""

import contextlib
import http.client
import pathlib
import shutil
import subprocess
import time

import pytest

from serving.client import Client
from tests.support.k8s import images
from tests.support.serving.fakes import free_port

pytestmark = [pytest.mark.container, pytest.mark.slow, pytest.mark.timeout(3600)]

IMAGE = "keras-transformer-server:test"
MOST_GB = 2.2


@pytest.fixture(scope="module")
def tool() -> str:
    return images.container_tool()


@pytest.fixture(scope="module")
def image(tool: str) -> str:
    """Built from this tree; the name stays, and its layers are the next build's."""
    images.build(tool, "server-image", f"SERVER_IMAGE={IMAGE}")
    return IMAGE


def test_the_image_is_no_larger_than_it_needs_to_be(tool: str, image: str):
    assert images.size_gb(tool, image) <= MOST_GB


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
