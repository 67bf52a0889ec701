"""REST as sockets see it: what curl, proxies, probes and browsers put on the wire."""

import json
import pathlib
import socket
from collections.abc import Iterator

import pytest

from tests.support.serving.fakes import FakeServer

PREDICT = "/v1/models/classifier:predict"
BODY = b'{"signature_name": "half", "instances": [1.0, 3.0]}'
ANSWER = {"predictions": [0.5, 1.5]}


class Reply:
    """One answer, read off a socket."""

    def __init__(self, stream: "Wire") -> None:
        self.status = int(stream.line().split()[1])
        self.headers: dict[str, str] = {}
        while line := stream.line():
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.body = b""

    @property
    def length(self) -> int:
        return int(self.headers.get("content-length", 0))


class Wire:
    """A connection on which a test writes bytes and reads answers."""

    def __init__(self, server: FakeServer, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, server.rest_port), 10)
        self._reader = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._reader.close()
        self.socket.close()

    def line(self) -> str:
        return self._reader.readline().decode().rstrip("\r\n")

    def send(self, head: str, body: bytes = b"") -> None:
        lines = head.strip().splitlines()
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def reply(self, *, has_body: bool = True) -> Reply:
        reply = Reply(self)
        if has_body:
            reply.body = self._reader.read(reply.length)
        return reply

    def is_closed(self) -> bool:
        return self._reader.read(1) == b""


@pytest.fixture
def wire(fake_server: FakeServer) -> Iterator[Wire]:
    """A connection to the server that only answers."""
    with Wire(fake_server) as opened:
        yield opened


def test_curl_s_post_is_answered_and_the_connection_stays(wire: Wire) -> None:
    for _ in range(2):
        wire.send(
            f"POST {PREDICT} HTTP/1.1\nHost: x\nUser-Agent: curl/8.5.0\nAccept: */*\n"
            f"Content-Length: {len(BODY)}\n"
            "Content-Type: application/x-www-form-urlencoded",
            BODY,
        )
        reply = wire.reply()
        assert (reply.status, json.loads(reply.body)) == (200, ANSWER)


def test_a_body_that_waits_for_100_continue_is_asked_for(wire: Wire) -> None:
    """curl does so with bodies beyond a megabyte."""
    wire.send(
        f"POST {PREDICT} HTTP/1.1\nHost: x\nExpect: 100-continue\n"
        f"Content-Length: {len(BODY)}"
    )
    assert wire.reply().status == 100
    wire.socket.sendall(BODY)
    assert json.loads(wire.reply().body) == ANSWER


def test_a_body_may_come_in_chunks(wire: Wire) -> None:
    wire.send(f"POST {PREDICT} HTTP/1.1\nHost: x\nTransfer-Encoding: chunked")
    for part in (BODY[:7], BODY[7:], b""):
        wire.socket.sendall(b"%x\r\n%s\r\n" % (len(part), part))
    assert json.loads(wire.reply().body) == ANSWER


def test_http_1_0_is_answered_and_closed(wire: Wire) -> None:
    wire.send(f"POST {PREDICT} HTTP/1.0\nContent-Length: {len(BODY)}", BODY)
    assert json.loads(wire.reply().body) == ANSWER
    assert wire.is_closed()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET"])
@pytest.mark.parametrize("target", [PREDICT, "/v1/foo", "/V1/"])
def test_a_method_the_path_does_not_take_is_malformed(
    wire: Wire, method: str, target: str
) -> None:
    wire.send(f"{method} {target} HTTP/1.1\nHost: x\nContent-Length: 0")
    reply = wire.reply()
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/json"
    error = json.loads(reply.body)["error"]
    assert error.startswith(f"Malformed request: {method} {target}")


def test_head_is_malformed_and_has_no_body(wire: Wire) -> None:
    wire.send("HEAD /v1/models/classifier HTTP/1.1\nHost: x")
    assert wire.reply(has_body=False).status == 400
    # Nothing stands between this answer and the next.
    wire.send("GET /v1/models/classifier HTTP/1.1\nHost: x")
    assert wire.reply().status == 200


@pytest.mark.parametrize("target", ["/", "/index.html", "/v1", "/v2/models/classifier"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_outside_the_api_every_method_meets_the_html_page(
    wire: Wire, method: str, target: str
) -> None:
    wire.send(f"{method} {target} HTTP/1.1\nHost: x\nContent-Length: 0")
    reply = wire.reply()
    assert (reply.status, reply.headers["content-type"]) == (404, "text/html")
    assert b"<TITLE>404 Not Found</TITLE>" in reply.body


@pytest.mark.parametrize("has_flag", [False, True])
def test_a_browser_s_options_needs_an_origin_and_gets_no_body(
    tmp_path: pathlib.Path, has_flag: bool
) -> None:
    """Upstream answers it without the flag, too, but then a browser stops there."""
    answers = {
        "Origin: http://shop.example": 200,
        "Origin: https://shop.example": 200,
        "Origin: httpx": 400,
        "Accept: */*": 400,
    }
    with (
        FakeServer(tmp_path, rest_api_enable_cors_support=has_flag) as server,
        Wire(server) as wire,
    ):
        for header, status in answers.items():
            wire.send(f"OPTIONS {PREDICT} HTTP/1.1\nHost: x\n{header}")
            reply = wire.reply()
            assert (reply.status, reply.body) == (status, b"")
            allowed = {n: text for n, text in reply.headers.items() if "allow" in n}
            assert allowed == (CORS if has_flag else {})


CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "POST, GET",
    "access-control-allow-headers": "Content-Type",
}


def test_with_the_flag_errors_too_may_be_read_by_browsers(
    tmp_path: pathlib.Path,
) -> None:
    with (
        FakeServer(tmp_path, rest_api_enable_cors_support=True) as server,
        Wire(server) as wire,
    ):
        for target, status in (("/v1/models/none", 404), ("/v1/foo", 400)):
            wire.send(f"GET {target} HTTP/1.1\nHost: x\nOrigin: http://a")
            reply = wire.reply()
            assert reply.status == status
            assert reply.headers.items() >= CORS.items()


def test_rest_takes_ipv4_and_ipv6_on_one_port(fake_server: FakeServer) -> None:
    hosts = ["127.0.0.1", *(["::1"] if socket.has_dualstack_ipv6() else [])]
    for host in hosts:
        with Wire(fake_server, host) as wire:
            wire.send("GET /v1/models/classifier HTTP/1.1\nHost: x")
            assert wire.reply().status == 200


def test_answers_are_never_compressed(wire: Wire) -> None:
    wire.send(
        "GET /v1/models/classifier/metadata HTTP/1.1\nHost: x\n"
        "Accept-Encoding: gzip, br"
    )
    reply = wire.reply()
    assert "content-encoding" not in reply.headers
    assert json.loads(reply.body)["model_spec"]["name"] == "classifier"
