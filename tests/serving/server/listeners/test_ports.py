"""Where the server listens."""

import pathlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures

import grpc
import pytest

from serving.server.flags import ServerFlags
from serving.server.listeners.ports import (
    PortError,
    bind_grpc,
    channel_options,
    grpc_addresses,
    remove_socket,
)
from serving.server.status import StatusError
from tests.support.serving.fakes import FakeServer, free_port


@pytest.fixture
def server() -> Iterator[grpc.Server]:
    """A server that has no port yet."""
    options = [("grpc.so_reuseport", 0)]
    made = grpc.server(futures.ThreadPoolExecutor(1), options=options)
    yield made
    made.stop(None)


def _flags(path: pathlib.Path | str = "", port: int = 0, mode: str = "") -> ServerFlags:
    return ServerFlags(port=port, grpc_socket_path=str(path), grpc_socket_mode=mode)


def _connects(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
        return True


@pytest.mark.parametrize(
    "flags, addresses",
    [
        (_flags(port=8500), ["0.0.0.0:8500"]),
        (_flags("a/s", port=8500), ["0.0.0.0:8500", "unix:a/s"]),
        (_flags("/run/s"), ["unix:/run/s"]),
    ],
)
def test_grpc_listens_on_tcp_and_on_a_unix_socket(
    flags: ServerFlags, addresses: list[str]
) -> None:
    assert grpc_addresses(flags) == addresses


def test_port_0_leaves_the_socket_alone_to_answer(
    server: grpc.Server, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "a socket"
    bind_grpc(server, _flags(path))
    server.start()
    assert _connects(f"unix:{path}")


def test_a_relative_socket_path_works(
    server: grpc.Server, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bind_grpc(server, _flags("s", port=(port := free_port())))
    server.start()
    assert (tmp_path / "s").is_socket()
    assert _connects("unix:s")
    assert _connects(f"127.0.0.1:{port}")


def test_a_socket_left_by_a_dead_server_is_replaced(
    server: grpc.Server, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    bind_grpc(server, _flags(path))
    server.start()
    assert _connects(f"unix:{path}")


def test_a_socket_in_use_is_not_taken_away(
    server: grpc.Server, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(path))
        alive.listen()
        with pytest.raises(PortError, match=f"{path}: the socket is in use"):
            bind_grpc(server, _flags(path))
        assert path.is_socket()


def test_a_file_is_not_mistaken_for_an_old_socket(
    server: grpc.Server, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    with pytest.raises(PortError, match="there is a file of another kind"):
        bind_grpc(server, _flags(path))
    assert path.read_text() == "data"


@pytest.mark.parametrize(
    "name, cause",
    [("no/such/s", "its directory does not exist"), ("s" * 120, "longer than 107")],
)
def test_an_impossible_socket_path_is_explained(
    server: grpc.Server, tmp_path: pathlib.Path, name: str, cause: str
) -> None:
    with pytest.raises(PortError, match=cause):
        bind_grpc(server, _flags(tmp_path / name))


def test_the_socket_has_the_mode_it_is_given(
    server: grpc.Server, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    bind_grpc(server, _flags(path, mode="660"))
    assert path.stat().st_mode & 0o777 == 0o660


def test_no_socket_is_left_behind(server: grpc.Server, tmp_path: pathlib.Path) -> None:
    flags = _flags(tmp_path / "s")
    bind_grpc(server, flags)
    remove_socket(flags)
    remove_socket(flags)
    assert not (tmp_path / "s").exists()


def test_a_busy_port_is_named(server: grpc.Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with pytest.raises(PortError, match=f"--port={port}: the port is in use"):
            bind_grpc(server, _flags(port=port))


@pytest.mark.parametrize(
    "text, options",
    [
        ("", []),
        ("grpc.max_connection_age_ms=2000", [("grpc.max_connection_age_ms", 2000)]),
        ("a=1,b=x", [("a", 1), ("b", "x")]),
        ("a=-1,b= +2 ,c=", [("a", -1), ("b", 2), ("c", "")]),
        ("a=2147483648,b=1_0", [("a", "2147483648"), ("b", "1_0")]),
        ("a=b=c", [("a", "b")]),
    ],
)
def test_channel_arguments_are_int32_or_text(
    text: str, options: list[tuple[str, int | str]]
) -> None:
    assert channel_options(text) == options


@pytest.mark.parametrize("text", ["a", "a=1,b", "=1", "a=1,"])
def test_a_channel_argument_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(StatusError, match="grpc_channel_arguments takes name=value"):
        channel_options(text)


def test_the_process_may_open_as_many_files_as_it_is_allowed_to() -> None:
    script = (
        "import resource as r;"
        "from serving.server.listeners.ports import raise_file_limit;"
        "_, hard = r.getrlimit(r.RLIMIT_NOFILE);"
        "r.setrlimit(r.RLIMIT_NOFILE, (64, hard));"
        "raise_file_limit(); print(r.getrlimit(r.RLIMIT_NOFILE)[0] == min(hard, 65536))"
    )
    command = [sys.executable, "-c", script]
    assert subprocess.check_output(command, text=True) == "True\n"


def test_equal_ports_are_logged_and_leave_rest_out(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    with FakeServer(tmp_path / "model", port=port, rest_api_port=port):
        assert _connects(f"127.0.0.1:{port}")
    assert f"rest_api_port equals port ({port}); REST is off." in caplog.text
