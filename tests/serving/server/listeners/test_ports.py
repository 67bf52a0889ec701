"""Where the server listens."""

import errno
import logging
import pathlib
import socket
import subprocess
import sys

import grpc
import pytest

from serving.server.flags import ServerFlags
from serving.server.listeners.ports import (
    PortError,
    bind_http,
    channel_options,
    check_ports,
    grpc_addresses,
    listen,
)
from serving.server.status import StatusError
from tests.support.serving.fakes import FakeServer, free_port


def _flags(path: pathlib.Path | str = "", port: int = 0) -> ServerFlags:
    return ServerFlags(port=port, grpc_socket_path=str(path))


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
        (_flags("a/s", port=8500), ["0.0.0.0:8500", "UNIX socket a/s"]),
        (_flags("/run/s"), ["UNIX socket /run/s"]),
    ],
)
def test_grpc_listens_on_tcp_and_on_a_unix_socket(
    flags: ServerFlags, addresses: list[str]
) -> None:
    assert grpc_addresses(flags) == addresses


def test_what_listens_is_told_as_upstream_tells_it(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Scripts wait for these lines; so they come when all is open."""
    caplog.set_level(logging.INFO)
    with FakeServer(tmp_path, grpc_socket_path=str(tmp_path / "s")) as server:
        told = [line for line in caplog.messages if line.endswith(" ...")]
    assert told == [
        f"Running gRPC ModelServer at 0.0.0.0:{server.port} ...",
        f"Running gRPC ModelServer at UNIX socket {tmp_path / 's'} ...",
        f"Exporting HTTP/REST API at:localhost:{server.rest_port} ...",
    ]


@pytest.mark.parametrize("flag", ["port", "rest_api_port"])
def test_a_busy_port_is_named_before_anything_is_loaded(flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        ports = {"port": free_port(), "rest_api_port": free_port(), flag: port}
        with pytest.raises(PortError, match=f"--{flag}={port}: the port is in use"):
            check_ports(ServerFlags(**ports))


def test_a_port_that_is_only_looked_at_refuses_connections() -> None:
    with bind_http("rest_api_port", port := free_port()) as bound:
        check_ports(ServerFlags(port=free_port(), rest_api_port=port))
        assert _refuses(port)
        listen(bound, "rest_api_port", port)
        assert not _refuses(port)


def test_of_two_that_bound_a_port_the_second_to_listen_is_told() -> None:
    port = free_port()
    with (
        bind_http("rest_api_port", port) as first,
        bind_http("rest_api_port", port) as second,
    ):
        listen(first, "rest_api_port", port)
        with pytest.raises(PortError, match="the port is in use"):
            listen(second, "rest_api_port", port)


def _refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED


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
