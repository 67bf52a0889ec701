"""The server as a process: signals, ports, and what it says when it cannot start."""

import concurrent.futures
import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from serving.client import Client
from serving.client.errors import ServingError, UnavailableError
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.fake_model_server import ASLEEP
from tests.support.serving.fakes import MODEL, free_port

COMMAND = [sys.executable, "-m", "tests.support.serving.fake_model_server"]


@contextlib.contextmanager
def _process(*flags: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, *flags], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _flags(base_path: pathlib.Path, port: int, rest_port: int) -> list[str]:
    return [
        f"--port={port}",
        f"--rest_api_port={rest_port}",
        f"--model_name={MODEL}",
        f"--model_base_path={base_path}",
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_running_requests_finish_and_exits_with_0(
    tmp_path: pathlib.Path, number: signal.Signals
) -> None:
    (tmp_path / "1").mkdir()
    ports = free_port(), free_port()
    with (
        _process(*_flags(tmp_path, *ports)) as process,
        Client(f"localhost:{ports[0]}", retries=20, deadline_s=30) as client,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        client.classify(["wait until it is up"])
        seconds = np.float32(1.0)
        pending = pool.submit(client.predict, {"seconds": seconds}, "sleep")
        _read_until(process, ASLEEP)
        process.send_signal(number)
        with Client(f"localhost:{ports[0]}", retries=0) as late:
            wait_until(lambda: _is_refused(late), "a refusal")
        assert pending.result()["version"] == 1
        assert process.wait(LONG_S) == 0


@pytest.mark.parametrize("flag", ["port", "rest_api_port"])
def test_a_busy_port_is_named_and_nothing_stays_half_started(
    tmp_path: pathlib.Path, flag: str
) -> None:
    (tmp_path / "1").mkdir()
    with socket.socket() as busy:
        busy.bind(("", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        ports = {"port": free_port(), "rest_api_port": free_port(), flag: taken}
        flags = _flags(tmp_path, ports["port"], ports["rest_api_port"])
        with _process(*flags) as process:
            output, _ = process.communicate(timeout=LONG_S)
    assert process.returncode == 255
    assert f"Error: --{flag}={taken}: the port is in use." in output
    assert "choose another port" in output


def test_a_signal_during_a_load_ends_the_server_at_once(tmp_path: pathlib.Path) -> None:
    script = (
        "import sys, time\n"
        "from serving.server.__main__ import main\n"
        "def slow(entry, version):\n"
        "    print('loading', flush=True)\n"
        "    time.sleep(600)\n"
        "sys.exit(main(sys.argv[1:], slow))\n"
    )
    (tmp_path / "1").mkdir()
    flags = _flags(tmp_path, free_port(), free_port())
    with subprocess.Popen(
        [sys.executable, "-c", script, *flags], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"loading\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONG_S / 2) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_all_is_imported_ends_the_server_with_0(
    tmp_path: pathlib.Path, number: signal.Signals
) -> None:
    """As process 1 of a container it would not hear it, and start."""
    (tmp_path / "1").mkdir()
    script = (
        "import os, sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'serving.server.app':\n"
        f"            os.kill(os.getpid(), {int(number)})\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "from serving.server.__main__ import main\n"
        "sys.exit(main(sys.argv[1:], lambda entry, version: 1 / 0))\n"
    )
    flags = _flags(tmp_path, free_port(), free_port())
    ended = subprocess.run(
        [sys.executable, "-c", script, *flags],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert ended.returncode == 0
    assert "Loading servable" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_server_whose_only_model_is_broken_exits_with_the_cause(
    tmp_path: pathlib.Path,
) -> None:
    script = (
        "import sys\n"
        "from serving.server.__main__ import main\n"
        "from serving.server.status import Code, StatusError\n"
        "def broken(entry, version):\n"
        "    raise StatusError(Code.NOT_FOUND, 'saved_model.pb is missing')\n"
        "sys.exit(main(sys.argv[1:], broken))\n"
    )
    (tmp_path / "1").mkdir()
    flags = _flags(tmp_path, free_port(), free_port())
    ended = subprocess.run(
        [sys.executable, "-c", script, *flags, "--max_num_load_retries=0"],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert ended.returncode == 255
    assert (
        "Failed to start server. Error: UNKNOWN: 1 servable(s) did not become "
        f"available: {{{{{{name: {MODEL} version: 1}} due to error: NOT_FOUND: "
        "saved_model.pb is missing}, }"
    ) in ended.stderr


@pytest.mark.parametrize(
    "text, words",
    [
        ("no config", "Error parsing text-format tensorflow.serving.ModelServerConfig"),
        (
            'model_config_list { config { name: "a" base_path: "m" } }',
            "Expected model a to have an absolute path or URI; got base_path()=m",
        ),
    ],
)
def test_a_bad_model_config_ends_the_process_with_upstream_s_words(
    tmp_path: pathlib.Path, text: str, words: str
) -> None:
    (tmp_path / "models.config").write_text(text)
    flags = [f"--port={free_port()}", f"--model_config_file={tmp_path}/models.config"]
    ended = subprocess.run(
        [*COMMAND, *flags], capture_output=True, text=True, timeout=LONG_S, check=False
    )
    assert ended.returncode == 255
    assert words in ended.stderr
    (line,) = ended.stdout.splitlines()
    assert line.startswith("Failed to start server. Error: INVALID_ARGUMENT: ")
    assert words in line


def test_a_config_file_is_polled_and_a_bad_one_ignored(tmp_path: pathlib.Path) -> None:
    config = tmp_path / "models.config"
    entry = 'config {{ name: "{}" base_path: "{}" model_platform: "tensorflow" }}'

    def write(*names: str) -> None:
        entries = " ".join(entry.format(name, tmp_path / name) for name in names)
        fresh = tmp_path / "new"
        fresh.write_text(f"model_config_list {{ {entries} }}")
        fresh.rename(config)

    for name in ("a", "b"):
        (tmp_path / name / "1").mkdir(parents=True)
    write("a")
    port = free_port()
    flags = [
        f"--port={port}",
        f"--model_config_file={config}",
        "--model_config_file_poll_wait_seconds=1",
    ]
    with _process(*flags) as process:
        with Client(f"localhost:{port}", model_name="a", retries=20) as first:
            first.classify(["a"])
        config.write_text("no config")
        _read_until(process, "Kept the configuration as it is")
        write("b")
        with Client(f"localhost:{port}", model_name="b", retries=0) as second:
            wait_until(lambda: _answers(second), "an answer")


def _answers(client: Client) -> bool:
    try:
        client.classify(["a"])
    except ServingError:
        return False
    return True


def _is_refused(client: Client) -> bool:
    try:
        client.classify(["too late"])
    except UnavailableError:
        return True
    return False


def _read_until(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdout is not None
    assert any(text in line for line in process.stdout), f"it ended without {text!r}"
