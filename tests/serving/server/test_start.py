"""Connections are refused until the models are there, as upstream refuses them."""

import errno
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from serving.client import Client
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.status import Code, StatusError
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.fakes import (
    MODEL,
    FakeServable,
    FakeServer,
    fake_loader,
    free_port,
)

SLOW = """
import pathlib, sys, time
from serving.server.__main__ import main
from serving.server.status import Code, StatusError
from tests.support.serving.fakes import FakeServable

def load(entry, version):
    print("loading", entry.name, flush=True)
    path = pathlib.Path(version.path)
    while not ((path / "ready").exists() or (path / "broken").exists()):
        time.sleep(0.01)
    if (path / "broken").exists():
        raise StatusError(Code.NOT_FOUND, "saved_model.pb is missing")
    return FakeServable(version.number)

sys.exit(main(sys.argv[1:], load))
"""
"""A server whose models load when a test puts a file beside them."""

CONFIG = """
model_config_list {{
  config {{ name: "a" base_path: "{root}/a" model_platform: "tensorflow" }}
  config {{ name: "b" base_path: "{root}/b" model_platform: "tensorflow" }}
}}
"""


class Gate:
    """Holds loads up, each model by its name, until a test lets them go on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[str] = set()
        self.broken: set[str] = set()

    def open(self, *names: str) -> None:
        with self._changed:
            self._open |= set(names)
            self._changed.notify_all()

    def load(self, entry: ModelEntry, version: ServedVersion) -> FakeServable:
        with self._changed:
            assert self._changed.wait_for(lambda: entry.name in self._open, LONG_S)
        if entry.name in self.broken:
            raise StatusError(Code.NOT_FOUND, "saved_model.pb is missing")
        return fake_loader(entry, version)


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open(MODEL, "a", "b")


def _refuses(*ports: int) -> bool:
    """True when nobody listens at any of them; a half-open server fails."""
    outcomes = set()
    for port in ports:
        for host in ("127.0.0.1", "::1"):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family) as client:
                outcomes.add(client.connect_ex((host, port)))
    return outcomes <= {errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.ENETUNREACH}


def _rest(port: int, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def _config(root: pathlib.Path, *with_versions: str) -> str:
    for name in ("a", "b"):
        (root / name).mkdir()
    for name in with_versions:
        (root / name / "1").mkdir()
    path = root / "models.config"
    path.write_text(CONFIG.format(root=root))
    return str(path)


def test_connections_are_refused_until_every_model_is_loaded(
    tmp_path: pathlib.Path, gate: Gate, started: Callable[..., FakeServer]
) -> None:
    path = tmp_path / "s"
    server = started(
        tmp_path / "unused",
        loader=gate.load,
        model_config_file=_config(tmp_path, "a", "b"),
        grpc_socket_path=str(path),
    )
    ports = server.port, server.rest_port
    manager = server.app.manager
    wait_until(lambda: len(manager.lifecycle.models) == 2)
    assert _refuses(*ports)
    gate.open("a")
    wait_until(lambda: manager.unready_models() == ["b"], "the load of a")
    assert _refuses(*ports)
    assert not path.exists()
    gate.open("b")
    wait_until(lambda: server.app.health.has_started, "the start")
    for name in ("a", "b"):
        assert _rest(server.rest_port, f"/v1/models/{name}")[0] == 200
        for endpoint in (server.grpc_endpoint, f"unix:{path}"):
            with Client(endpoint, model_name=name, retries=0) as client:
                assert client.classify(["now"])[0].label == "billing"


def test_a_folder_without_a_version_keeps_the_ports_closed_until_one_comes(
    tmp_path: pathlib.Path, started: Callable[..., FakeServer]
) -> None:
    server = started(tmp_path / "unused", model_config_file=_config(tmp_path, "a"))
    wait_until(lambda: server.app.manager.unready_models() == ["b"], "a's load")
    assert _refuses(server.port, server.rest_port)
    (tmp_path / "b" / "5").mkdir()
    wait_until(lambda: server.app.health.has_started, "the start")
    assert not _refuses(server.rest_port)


@pytest.mark.parametrize("poll_s", [0, -1])
def test_without_another_look_a_version_that_comes_late_is_never_served(
    tmp_path: pathlib.Path,
    started: Callable[..., FakeServer],
    caplog: pytest.LogCaptureFixture,
    poll_s: int,
) -> None:
    config = _config(tmp_path, "a")
    server = started(
        tmp_path / "unused",
        model_config_file=config,
        file_system_poll_wait_seconds=poll_s,
    )
    models = server.app.manager.lifecycle.models
    if poll_s == 0:
        wait_until(lambda: server.app.manager.unready_models() == ["b"], "a's load")
        wait_until(lambda: "No versions of servable b" in caplog.text, "b's look")
    (tmp_path / "b" / "1").mkdir()
    server.app.manager.wait_for_start(0.3)
    assert not models["b"].live
    assert _refuses(server.port, server.rest_port)


def test_a_later_failure_closes_no_port(tmp_path: pathlib.Path, gate: Gate) -> None:
    gate.open(MODEL)
    settings: Any = {"loader": gate.load, "max_num_load_retries": 0}
    with FakeServer(tmp_path, **settings) as server:
        gate.broken.add(MODEL)
        (tmp_path / "2").mkdir()
        wait_until(lambda: server.app.manager.versions(MODEL)[0].error, "the failure")
        assert _rest(server.rest_port, f"/v1/models/{MODEL}")[0] == 200


def test_the_health_port_tells_what_the_closed_ones_wait_for(
    tmp_path: pathlib.Path, gate: Gate, started: Callable[..., FakeServer]
) -> None:
    port = free_port()
    server = started(
        tmp_path / "unused",
        loader=gate.load,
        model_config_file=_config(tmp_path, "a"),
        health_port=port,
    )
    assert _rest(port, "/healthz") == (200, {"status": "alive"})
    assert _refuses(server.port, server.rest_port)
    gate.open("a")
    wait_until(lambda: server.app.manager.unready_models() == ["b"], "a's load")
    status, told = _rest(port, "/readyz")
    assert (status, told["status"]) == (503, "loading")
    assert told["models_not_ready"] == ["b"]
    assert told["causes"]["b"].endswith("There are no version directories.")
    (tmp_path / "b" / "1").mkdir()
    gate.open("b")
    wait_until(lambda: _rest(port, "/readyz") == (200, {"status": "ready"}))


def test_the_health_port_has_no_other_pages_and_must_be_its_own(
    tmp_path: pathlib.Path,
) -> None:
    port = free_port()
    with FakeServer(tmp_path, health_port=port):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models/{MODEL}")
        caught.value.close()
        assert caught.value.code == 404
    with pytest.raises(StatusError, match="needs a port of its own"):
        FakeServer(tmp_path, port=port, health_port=port)


def test_with_a_tolerated_failure_the_others_are_served(
    tmp_path: pathlib.Path, gate: Gate, started: Callable[..., FakeServer]
) -> None:
    gate.broken.add("b")
    gate.open("a", "b")
    server = started(
        tmp_path / "unused",
        loader=gate.load,
        model_config_file=_config(tmp_path, "a", "b"),
        max_num_load_retries=0,
        tolerate_failed_models=True,
    )
    wait_until(lambda: server.app.health.has_started, "the start")
    with Client(server.grpc_endpoint, model_name="a", retries=0) as client:
        assert client.classify(["now"])[0].label == "billing"
    status, told = _rest(server.rest_port, "/readyz")
    assert (status, told["models_not_ready"]) == (503, ["b"])


@pytest.fixture
def process(tmp_path: pathlib.Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts server processes of `SLOW`, and ends them."""
    made: list[subprocess.Popen[str]] = []

    def start(*flags: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", SLOW, *flags]
        made.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
        return made[-1]

    yield start
    for each in made:
        each.kill()
        each.communicate()


def _read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    assert any(text in line for line in process.stdout), f"it ended without {text!r}"


def test_one_bad_model_of_two_ends_the_process_with_upstream_s_words(
    tmp_path: pathlib.Path, process: Callable[..., subprocess.Popen[str]]
) -> None:
    config = _config(tmp_path, "a", "b")
    (tmp_path / "a" / "1" / "ready").touch()
    (tmp_path / "b" / "1" / "broken").touch()
    ports = free_port(), free_port()
    running = process(
        f"--port={ports[0]}",
        f"--rest_api_port={ports[1]}",
        f"--model_config_file={config}",
        "--max_num_load_retries=0",
    )
    output, _ = running.communicate(timeout=LONG_S)
    assert running.returncode == 255
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become "
        "available: {{{name: b version: 1} due to error: NOT_FOUND: saved_model.pb is "
        "missing}, }"
    ) in output
    assert "Running gRPC ModelServer" not in output


@pytest.mark.parametrize("has_version", [False, True], ids=["waiting", "loading"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_ports_are_open_ends_with_0(
    tmp_path: pathlib.Path,
    process: Callable[..., subprocess.Popen[str]],
    has_version: bool,
    number: signal.Signals,
) -> None:
    if has_version:
        (tmp_path / "1").mkdir()
    running = process(
        f"--port={free_port()}", "--model_name=m", f"--model_base_path={tmp_path}"
    )
    _read_until(running, "loading m" if has_version else "No versions of servable m")
    running.send_signal(number)
    # Far less than the limit for requests under way: there are none.
    assert running.wait(15) == 0


@pytest.mark.parametrize("flag", ["port", "rest_api_port"])
def test_a_port_that_is_taken_while_models_load_is_named(
    tmp_path: pathlib.Path, process: Callable[..., subprocess.Popen[str]], flag: str
) -> None:
    (tmp_path / "1").mkdir()
    ports = {"port": free_port(), "rest_api_port": free_port()}
    running = process(
        *(f"--{name}={port}" for name, port in ports.items()),
        *("--model_name=m", f"--model_base_path={tmp_path}"),
    )
    _read_until(running, "loading m")
    with socket.create_server(("", ports[flag])):
        (tmp_path / "1" / "ready").touch()
        output, _ = running.communicate(timeout=LONG_S)
    assert running.returncode == 255
    pattern = rf"Error: --{flag}={ports[flag]}: the port is in use"
    assert re.search(pattern, output)
