"""A server process under measurement, started by the command line that people use."""

import dataclasses
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Self

from benchmarks.harness.placement import Cores, on_cores
from model import contract
from serving.client.wire.tf_serving_names import METRICS_PATH, MODELS_PATH
from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags
from serving.version_dirs import list_versions
from tests.support.repository import ROOT

COMMANDS = {
    "embedded": (sys.executable, "-m", "serving.server"),
    "fake": (sys.executable, "-m", "tests.support.serving.fake_model_server"),
    "tensorflow_model_server": ("tensorflow_model_server",),
}
READY_LIMIT_S = 180.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ServedModel:
    """A context manager: inside it the server is ready."""

    def __init__(
        self,
        base_path: pathlib.Path,
        *,
        engine: str = "embedded",
        cores: Cores | None = None,
        batching: BatchingConfig | None = None,
        **flags: Any,
    ) -> None:
        self.port, self.rest_port = _free_ports()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-server-"))
        self._cores = cores or frozenset(os.sched_getaffinity(0))
        settings = {
            "port": self.port,
            "rest_api_port": self.rest_port,
            "model_name": contract.MODEL_NAME,
            "model_base_path": str(base_path.absolute()),
            "monitoring_config_file": self._write(
                "monitoring",
                f'prometheus_config {{enable: true path: "{METRICS_PATH}"}}',
            ),
            **flags,
        }
        if batching is not None:
            settings["enable_batching"] = "true"
            path = self._write("batching", batching.to_text())
            settings["batching_parameters_file"] = path
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        self.command = [*COMMANDS[engine], *arguments]

    @property
    def process_id(self) -> int:
        return self.process.pid

    @property
    def metrics_url(self) -> str:
        return f"http://localhost:{self.rest_port}{METRICS_PATH}"

    def endpoint(self, transport: str) -> str:
        """`HOST:PORT` for "grpc" or "rest"."""
        return f"localhost:{self.port if transport == 'grpc' else self.rest_port}"

    def log_tail(self) -> str:
        """The last lines of what it printed."""
        return "\n".join((self.folder / "log").read_text().splitlines()[-15:])

    def __enter__(self) -> Self:
        environ = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
        with on_cores(self._cores), (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                self.command, stdout=log, stderr=log, cwd=ROOT, env=environ
            )
        self._wait_until_ready()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_ready(self) -> None:
        url = f"http://localhost:{self.rest_port}{MODELS_PATH}/{contract.MODEL_NAME}"
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            if any(state == "AVAILABLE" for state in _states(url).values()):
                return
            time.sleep(0.1)
        tail = self.log_tail()
        self.__exit__()
        raise RuntimeError(
            f"The server did not become ready. Its log ends with:\n{tail}"
        )

    def _write(self, name: str, text: str) -> str:
        path = self.folder / f"{name}.config"
        path.write_text(text, encoding="utf-8")
        return str(path)


def known_flag(name: str) -> bool:
    """Whether the embedded server has this flag, and it does something."""
    return any(
        field.name == name and not field.metadata.get("no_effect")
        for field in dataclasses.fields(ServerFlags)
    )


def newest_version(base_path: pathlib.Path) -> pathlib.Path:
    """The directory that a server would serve."""
    return base_path / str(max(list_versions(str(base_path)).paths))


def small_model(
    folder: pathlib.Path, engine: str = "embedded", intermediate_dim: int = 8192
) -> pathlib.Path:
    """A base path with a text model; the default one takes some 0.5 ms per text."""
    if engine == "fake":
        (folder / "1").mkdir(parents=True)
        return folder
    from tests.support.serving.saved_models import save_text_model

    save_text_model(folder / "1", intermediate_dim=intermediate_dim)
    return folder


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _states(url: str) -> Mapping[str, str]:
    try:
        with _OPENER.open(url, timeout=2) as answer:
            versions = json.load(answer)["model_version_status"]
    except (OSError, ValueError):
        return {}
    return {version["version"]: version["state"] for version in versions}
