"""Hostile clients: malformed requests by the thousand, and slow ones by the hundred."""

import contextlib
import pathlib
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.fuzz_server import make_model, run
from benchmarks.hostile.attack import HTTP2_PREFACE
from benchmarks.hostile.http_requests import post
from benchmarks.hostile.victim import Observer, Victim, running_victim
from tests.support.patience import wait_until

SLOW_CLIENTS = 200
EMPTY_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
# HEADERS of stream 1, with nothing behind them: POST to /PredictionService/Predict.
_PATH = b"/tensorflow.serving.PredictionService/Predict"
_BLOCK = (
    b"\x83\x86\x44"
    + bytes([len(_PATH)])
    + _PATH
    + b"\x41\x01x\x5f\x10application/grpc\x40\x02te\x08trailers"
)
OPEN_STREAM = len(_BLOCK).to_bytes(3, "big") + b"\x01\x04\x00\x00\x00\x01" + _BLOCK
LONG = b'{"signature_name": "echo", "instances": ["' + b"x" * 100_000 + b'"]}'
HEAD = post("/v1/models/m:predict", None, b"content-length: 5000")


@pytest.mark.parametrize(
    "fake, requests",
    [(True, 2_000), pytest.param(False, 10_000, marks=pytest.mark.slow)],
)
@pytest.mark.timeout(600)
def test_malformed_requests_neither_stop_nor_slow_nor_swell_a_server(
    tmp_path: pathlib.Path, fake: bool, requests: int
) -> None:
    make_model(tmp_path, fake=fake)
    with running_victim(tmp_path, fake=fake) as victim:
        report = run(victim, list(range(requests)))
    # Two processes of ours take the processor from the server, too.
    assert report.p99_s < 2.0
    problems = report.problems(max_growth_mb=400, max_peak_mb=2_000)
    assert not problems, report.text()


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    """A fake model server."""
    path = tmp_path_factory.mktemp("victim")
    make_model(path, fake=True)
    with running_victim(path, fake=True) as running:
        yield running


def _send_at_once(said: bytes) -> Callable[[socket.socket, int], None]:
    def send(connection: socket.socket, turn: int) -> None:
        if turn == 0:
            connection.sendall(said)

    return send


def _send_bytewise(said: bytes) -> Callable[[socket.socket, int], None]:
    def send(connection: socket.socket, turn: int) -> None:
        connection.sendall(said[turn : turn + 1])

    return send


@pytest.mark.parametrize(
    "port_name, send",
    [
        ("rest_port", _send_at_once(b"")),
        ("rest_port", _send_bytewise(HEAD)),
        ("rest_port", _send_at_once(HEAD + b'{"instances')),
        ("rest_port", _send_at_once(post("/v1/models/m:predict", LONG) * 2)),
        ("port", _send_at_once(b"")),
        ("port", _send_bytewise(HTTP2_PREFACE)),
        ("port", _send_at_once(HTTP2_PREFACE + EMPTY_SETTINGS + OPEN_STREAM)),
    ],
    ids=["silent", "slow-head", "half-body", "unread", "grpc", "slow-grpc", "stream"],
)
def test_slow_clients_do_not_starve_others(
    victim: Victim, port_name: str, send: Callable[[socket.socket, int], None]
) -> None:
    address = "127.0.0.1", getattr(victim.target, port_name)
    with contextlib.ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(address, timeout=5))
            for _ in range(SLOW_CLIENTS)
        ]
        observer = Observer(victim)
        observer.start()
        for turn in range(10):
            for connection in slow:
                send(connection, turn)
            time.sleep(0.1)
        wait_until(lambda: len(observer.latencies_s) >= 5, "a good client's request")
        observer.stop()
    assert not observer.failures
    # Wide, for the machine may be busy with other tests.
    assert observer.p99_s() < 2.0
