"""Starting an engine, waiting for its models, and how it ends."""

import errno
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

import pytest

from serving.launch.engines import Engine, EngineChoice, EngineCommand
from serving.launch.log_folder import LogFolder
from serving.launch.readiness import StatusProbe
from serving.launch.running_server import (
    RunningServer,
    ServerStartError,
    log_tail,
    start,
    start_server,
)
from serving.launch.settings import SECRET_FILE, EngineSettings, TlsFiles
from serving.server.models.config import ModelEntry, VersionPolicy, entries_to_text
from tests.support.patience import wait_until
from tests.support.repository import ROOT
from tests.support.serving.fakes import free_port
from tests.support.serving.programs import program

DEAF = 'trap "" TERM; echo deaf; while :; do /bin/sleep 1; done'


@pytest.fixture
def model_server(path_dir: pathlib.Path) -> None:
    """A `tensorflow_model_server` that is our server around the fake model."""
    module = "tests.support.serving.fake_model_server"
    script = f'cd "{ROOT}" && exec "{sys.executable}" -m {module} "$@"'
    program(path_dir, "tensorflow_model_server", script)


@pytest.fixture
def temporary_dir(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    """Where temporary files of this process go, and nothing else."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def base_path(tmp_path: pathlib.Path) -> pathlib.Path:
    """A folder with one version."""
    (tmp_path / "model" / "1").mkdir(parents=True)
    return tmp_path / "model"


@pytest.mark.usefixtures("model_server")
def test_a_server_is_started_asked_and_stopped(base_path: pathlib.Path) -> None:
    log_dir = base_path.parent / "logs"
    with start_server(base_path, model_name="m", log_dir=log_dir) as server:
        server.wait_until_ready(30)
        assert server.engine is Engine.TENSORFLOW_MODEL_SERVER
        with server.client() as client:
            assert client.classify(["a"])[0].label == "billing"
        process_id = server.process_id
    assert not _is_alive(process_id)
    assert "Stopped." in server.log_path.read_text()


def test_a_server_that_was_told_no_folder_leaves_none(
    path_dir: pathlib.Path, base_path: pathlib.Path, temporary_dir: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "exec /bin/sleep 60")
    with start_server(base_path) as server:
        assert server.log_path.is_relative_to(temporary_dir)
        assert server.log_path.exists()
    assert list(temporary_dir.iterdir()) == []


def test_the_log_of_a_server_that_failed_stays_until_the_next_is_started(
    path_dir: pathlib.Path, base_path: pathlib.Path, temporary_dir: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "echo no such model; exit 3")
    with start_server(base_path) as server, pytest.raises(ServerStartError):
        server.wait_until_ready(30)
    assert server.log_path.read_text() == "no such model\n"
    program(path_dir, "tensorflow_model_server", "exec /bin/sleep 60")
    with start_server(base_path):
        assert not server.log_path.parent.exists()
    assert list(temporary_dir.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_place_without_room_for_the_log_is_named_with_another(
    base_path: pathlib.Path,
    temporary_dir: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
) -> None:
    def write_files(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(EngineSettings, "write_files", write_files)
    with pytest.raises(ServerStartError) as caught:
        start_server(base_path, engine=Engine.EMBEDDED)
    what, advice = str(caught.value).splitlines()
    assert os.strerror(number) in what
    assert str(temporary_dir) in advice
    assert "--log-dir" in advice
    assert list(temporary_dir.iterdir()) == []


@pytest.mark.usefixtures("model_server")
def test_wanted_ports_are_used(base_path: pathlib.Path) -> None:
    ports = free_port(), free_port()
    with start_server(base_path, port=ports[0], rest_api_port=ports[1]) as server:
        server.wait_until_ready(30)
        assert server.grpc_endpoint == f"localhost:{ports[0]}"
        assert server.rest_endpoint == f"localhost:{ports[1]}"


@pytest.mark.usefixtures("model_server")
def test_a_busy_port_is_found_before_anything_starts(base_path: pathlib.Path) -> None:
    with socket.socket() as busy:
        busy.bind(("", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(ServerStartError, match=f"port {port} cannot be used"):
            start_server(base_path, port=port)


def test_a_server_that_ends_early_quotes_its_log(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "echo no such model; exit 3")
    with (
        start_server(base_path, log_dir=base_path.parent) as server,
        pytest.raises(ServerStartError) as caught,
    ):
        server.wait_until_ready(30)
    message = str(caught.value)
    assert "ended with 3" in message
    assert f"{base_path.parent / 'server.log'}" in message
    assert message.endswith("no such model")


def test_of_a_long_log_the_end_is_quoted(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert log_tail(log, 2) == ["line 99998", "line 99999"]


def test_a_program_that_cannot_run_is_said_so_and_leaves_no_key(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "exit 0")
    pem = base_path.parent / "pem"
    pem.write_text("-----BEGIN ANYTHING-----")
    tls = TlsFiles(certificate_path=str(pem), key_path=str(pem))
    folder = base_path.parent / "logs"
    (folder / "server.log").mkdir(parents=True)
    with pytest.raises(ServerStartError, match="could not be started: .*server.log"):
        start_server(base_path, log_dir=folder, tls=tls)
    assert not (folder / SECRET_FILE).exists()


@pytest.mark.usefixtures("path_dir")
def test_a_server_that_hangs_is_given_up_and_killed(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", DEAF)
    server = start_server(base_path)
    with pytest.raises(ServerStartError, match="was not ready after 0.5 s"):
        server.wait_until_ready(0.5)
    server.stop(limit_s=0.2)
    assert not _is_alive(server.process_id)


def test_an_interrupted_stop_leaves_nothing(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    """A second Ctrl-C while the server drains."""
    program(path_dir, "tensorflow_model_server", DEAF)
    server = start_server(base_path)
    wait_until(lambda: "deaf" in server.log_path.read_text(), "the trap")
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    with pytest.raises(KeyboardInterrupt):
        server.stop(limit_s=60)
    assert not _is_alive(server.process_id)


def test_a_server_s_own_children_go_with_it(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    forks = 'trap "" TERM HUP; (exec /bin/sleep 1000) & echo $!; exit 3'
    program(path_dir, "tensorflow_model_server", forks)
    with start_server(base_path) as server:
        assert server.wait() == 3
        child = int(server.log_path.read_text())
        assert _is_alive(child)
    wait_until(lambda: not _is_alive(child), "the child's end")


def test_a_container_is_removed_even_if_its_tool_was_killed(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    calls = base_path.parent / "calls"
    runs = f'echo "$@" >> {calls}; case $1 in run) {DEAF};; *) exit 0;; esac'
    program(path_dir, "docker", runs)
    server = start_server(base_path, engine="docker")
    server.stop(limit_s=0.5)
    name = f"model-server-{server.settings.flags.port}"
    assert calls.read_text().splitlines()[-1] == f"rm --force {name}"


def _two_models(base_path: pathlib.Path, second: str, **flags: Any) -> RunningServer:
    good = ModelEntry(name="good", base_path=str(base_path))
    other = ModelEntry(name="other", base_path=second)
    choice = EngineChoice(Engine.TENSORFLOW_MODEL_SERVER, "a test")
    extra = tuple(f"--{name}={value}" for name, value in flags.items())
    return start(EngineSettings.of((good, other), extra_flags=extra), choice)


@pytest.mark.usefixtures("model_server")
def test_several_models_are_served_by_one_server(base_path: pathlib.Path) -> None:
    with _two_models(base_path, str(base_path)) as server:
        server.wait_until_ready(30)
        for name in ("good", "other"):
            with server.client(model_name=name) as client:
                assert client.classify(["a"])[0].label == "billing"
    assert server.failures == {}


@pytest.mark.usefixtures("model_server")
def test_a_model_that_does_not_come_is_named_and_the_other_served(
    base_path: pathlib.Path,
) -> None:
    lines: list[str] = []
    flags = {"open_ports_at_once": "true"}
    with _two_models(base_path, "remote://nowhere", **flags) as server:
        probe = StatusProbe(server.settings)
        wait_until(lambda: probe.ask("good").is_available, "the good model's load")
        server.wait_until_ready(5, show=lines.append, progress_s=0.1)
        assert list(server.failures) == ["other"]
    assert "other: " in lines[0]
    assert "good" not in lines[0]
    assert "log: " in lines[0]


def test_no_copy_of_the_private_key_outlives_the_server(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "/bin/sleep 60")
    pem = base_path.parent / "pem"
    pem.write_text("-----BEGIN ANYTHING-----")
    tls = TlsFiles(certificate_path=str(pem), key_path=str(pem))
    copy = base_path.parent / SECRET_FILE
    with start_server(base_path, log_dir=base_path.parent, tls=tls):
        assert copy.stat().st_mode & 0o777 == 0o600
    assert not copy.exists()


def test_a_client_of_a_guarded_server_has_the_token(base_path: pathlib.Path) -> None:
    tokens = base_path.parent / "tokens"
    tokens.write_text("# of the tests\nabcdefghijklmnopqrst\n")
    model = ModelEntry(name="m", base_path=str(base_path))
    settings = EngineSettings.of(
        (model,),
        port=free_port(),
        rest_api_port=free_port(),
        bearer_token_file=str(tokens),
    )
    settings.write_files(base_path.parent)
    flags = settings.arguments(str(base_path.parent), embedded=True)
    module = "tests.support.serving.fake_model_server"
    fake = ("env", "-C", str(ROOT), sys.executable, "-m", module, *flags)
    command = EngineCommand(Engine.EMBEDDED, fake)
    with RunningServer(command, settings, LogFolder(base_path.parent)) as server:
        server.wait_until_ready(30)
        with server.client() as client:
            assert client.classify(["a"])[0].label == "billing"


@pytest.mark.parametrize(
    "names, message", [([], "found: nothing"), (["a", "b"], "found: a, b")]
)
def test_a_folder_without_versions_is_refused(
    tmp_path: pathlib.Path, names: list[str], message: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for name in names:
        (folder / name).mkdir()
    with pytest.raises(ValueError, match=message):
        start_server(folder)


@pytest.mark.parametrize(
    "policy, labels, message",
    [
        (VersionPolicy(specific=(7,)), {}, "No version 7 below .*; there: 1, 2"),
        (
            VersionPolicy(),
            {"stable": 1},
            "Label stable names version 1 of m, and only 2",
        ),
    ],
)
def test_what_would_never_be_served_is_refused_at_once(
    base_path: pathlib.Path,
    policy: VersionPolicy,
    labels: dict[str, int],
    message: str,
) -> None:
    (base_path / "2").mkdir()
    entry = ModelEntry(name="m", base_path=str(base_path), policy=policy, labels=labels)
    with pytest.raises(ValueError, match=message):
        start(EngineSettings.of((entry,)), EngineChoice(Engine.EMBEDDED, "a test"))


@pytest.mark.usefixtures("model_server")
def test_a_version_that_is_still_to_come_is_noted(base_path: pathlib.Path) -> None:
    policy = VersionPolicy(specific=(1, 7))
    entry = ModelEntry(
        name="m", base_path=str(base_path), policy=policy, labels={"next": 7}
    )
    choice = EngineChoice(Engine.TENSORFLOW_MODEL_SERVER, "a test")
    with start(EngineSettings.of((entry,)), choice) as server:
        assert server.notes == (f"Version 7 of m is not below {base_path} yet.",)
        server.wait_until_ready(30)


@pytest.mark.usefixtures("model_server")
def test_while_the_ports_are_closed_progress_says_what_a_folder_lacks(
    base_path: pathlib.Path,
) -> None:
    folder = base_path.parent
    (folder / "empty").mkdir()
    paths = {"m": base_path, "late": folder / "empty"}
    entries = tuple(ModelEntry(name=n, base_path=str(p)) for n, p in paths.items())
    config = folder / "models.config"
    config.write_text(entries_to_text(entries))
    settings = EngineSettings.of(entries, model_config_file=str(config))
    choice = EngineChoice(Engine.TENSORFLOW_MODEL_SERVER, "a test")
    lines: list[str] = []
    with start(settings, choice, folder / "log") as server:

        def show(line: str) -> None:
            lines.append(line)
            (folder / "empty" / "1").mkdir(exist_ok=True)

        server.wait_until_ready(30, show=show, progress_s=0.1)
    assert f"late: no version directory below {folder / 'empty'} yet" in lines[0]


def test_a_crash_while_loading_is_told_by_its_signal(
    path_dir: pathlib.Path, base_path: pathlib.Path
) -> None:
    program(path_dir, "tensorflow_model_server", "kill -SEGV $$")
    with (
        start_server(base_path, log_dir=base_path.parent) as server,
        pytest.raises(ServerStartError, match="was ended by SIGSEGV"),
    ):
        server.wait_until_ready(30)


KEEPS_NOTHING = """
import sys
from serving.launch import ServerStartError, start_server
try:
    with start_server(sys.argv[1]) as server:
        server.wait_until_ready(30)
except ServerStartError as error:
    print(error)
"""


@pytest.mark.parametrize("works", [True, False])
def test_a_temporary_folder_goes_with_the_process_unless_its_log_is_named(
    base_path: pathlib.Path, path_dir: pathlib.Path, works: bool
) -> None:
    module = "tests.support.serving.fake_model_server"
    script = f'cd "{ROOT}" && exec "{sys.executable}" -m {module} "$@"'
    program(path_dir, "tensorflow_model_server", script if works else "exit 3")
    temporary = base_path.parent / "tmp"
    temporary.mkdir()
    said = subprocess.check_output(
        [sys.executable, "-c", KEEPS_NOTHING, str(base_path)],
        env={**os.environ, "TMPDIR": str(temporary)},
        cwd=ROOT,
        text=True,
    )
    left = list(temporary.iterdir())
    assert (not left) if works else (str(left[0]) in said)


PARENT = """
import os, sys, threading, time
from serving.launch import start_server
def start():
    server = start_server(sys.argv[1], log_dir=sys.argv[2])
    server.wait_until_ready(30)
    print(server.process_id, flush=True)
thread = threading.Thread(target=start)
thread.start()
thread.join()
# Linux counts the thread as alive a little longer than Python does.
while os.path.exists(f"/proc/self/task/{thread.native_id}"):
    time.sleep(0.01)
print("joined", flush=True)
time.sleep(1000)
"""


@pytest.mark.usefixtures("model_server")
def test_no_server_outlives_its_parent(base_path: pathlib.Path) -> None:
    """Started from a thread that has ended by then, and the parent is killed."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(base_path), str(base_path.parent)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )
    assert parent.stdout is not None
    process_id = int(parent.stdout.readline())
    assert parent.stdout.readline() == b"joined\n"
    assert _is_alive(process_id)
    parent.kill()
    parent.communicate()
    wait_until(lambda: not _is_alive(process_id), "the orphan's end")


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        state = pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1]
    except (ProcessLookupError, FileNotFoundError):
        return False
    # Where nobody reaps orphans, a dead one stays as a zombie.
    return state.split()[0] != "Z"
