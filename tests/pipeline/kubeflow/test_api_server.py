"""What `ktp submit` says of hosts at which no Kubeflow Pipelines answers."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pipeline.errors import SubmitError
from pipeline.kubeflow.api_server import (
    check_server,
    checked_host,
    checked_token,
    proxy_of,
)

LOGIN = b"<!DOCTYPE html><html><form>Sign in</form></html>"


@contextlib.contextmanager
def answering(
    body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None
) -> Iterator[str]:
    """A server that says the same to everybody; gives its URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """A socket that takes one connection; it says nothing at all where None."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                if answer is None:
                    client.recv(65536)  # Until the other side has had enough.
                else:
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def complaint(host: str, deadline_s: float = 10.0) -> str:
    with pytest.raises(SubmitError) as caught:
        check_server(host, None, deadline_s)
    assert str(caught.value).replace("\n", "").isprintable()
    return str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b'{"multi_user": false}',
        b'{"multi_user": true, "pipeline_store": "database"}',
        b'{"multiUser": true}',
        b'{"commit_sha": "abc", "tag_name": "2.0"}',
        b"{}",
    ],
)
def test_the_health_of_kubeflow_is_recognised(body: bytes) -> None:
    with answering(body) as host:
        check_server(host, None, 10.0)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (LOGIN, "an HTML page (a login page?)"),
        (b"", "an empty page"),
        (b'{"status": "ok"}', 'something else, \'{"status": "ok"}\''),
        (b'["multi_user"]', "something else"),
        (b'"multi_user"', "something else"),
        (b"ok", "something else, 'ok'"),
        (b"\x1b[2J\x00\xff", "something else"),
        (b"[" * 100_000, "something else"),
    ],
)
def test_another_answer_with_200_is_told_as_what_it_is(body: bytes, told: str) -> None:
    with answering(body) as host:
        message = complaint(host)
    assert told in message
    assert "want a --token?" in message
    assert len(message) < 500


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_with_where_it_leads_and_not_followed(status: int) -> None:
    with answering(LOGIN) as login:
        headers = {"Location": f"{login}/dex/auth?back=1"}
        with answering(b"", status, headers) as host:
            message = complaint(host)
    assert f"answers {status} and sends us on to '{login}/dex/auth?back=1'" in message


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (401, "does it want a --token"),
        (403, "does it want a --token"),
        (404, "without /pipeline"),
        (500, "Kubeflow Pipelines server of version 2"),
        (503, "Kubeflow Pipelines server of version 2"),
    ],
)
def test_an_error_is_told_with_its_status_and_what_to_do(
    status: int, told: str
) -> None:
    with answering(LOGIN, status) as host:
        message = complaint(host)
    assert f"answers {status} " in message
    assert told in message


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01"])
def test_what_speaks_no_http_is_no_server(answer: bytes) -> None:
    with listening(answer) as host:
        assert "No Kubeflow Pipelines server answers at" in complaint(host)


def test_silence_is_no_server_after_the_deadline() -> None:
    with listening(None) as host:
        assert "timed out" in complaint(host, deadline_s=0.2)


def test_https_where_http_is_spoken_is_told_as_tls() -> None:
    with listening(b"HTTP/1.1 400 Bad Request\r\n\r\n") as host:
        assert "No TLS with https://" in complaint(host.replace("http", "https"))


def test_a_name_that_nobody_has_is_no_server() -> None:
    assert "answers at http://nobody.invalid" in complaint("http://nobody.invalid:1")


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8888",
        "ftp://host",
        "",
        "http://",
        "https://:8888",
        "http://host:99999",
        "http://host:0",
        "http://host:abc",
        "http://ho st:1",
        "http://host\n:1",
        "http://[::1",
        "http://höst:1",
        "http://host:1/#/pipelines",
        "http://host:1/?ns=mine",
        "http://user:secret@host:1",
    ],
)
def test_a_host_that_is_no_url_of_a_server_is_refused(host: str) -> None:
    with pytest.raises(SubmitError, match="The host is ") as caught:
        checked_host(host)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("http://localhost:8888", "http://localhost:8888"),
        (" http://localhost:8888/ ", "http://localhost:8888"),
        ("https://kubeflow.example/pipeline/", "https://kubeflow.example/pipeline"),
        ("http://[::1]:8888", "http://[::1]:8888"),
        ("HTTP://HOST", "http://HOST"),  # kfp would make https://HTTP://HOST of it.
    ],
)
def test_a_host_is_taken_as_people_write_it(host: str, url: str) -> None:
    assert checked_host(host) == url


def test_a_token_that_no_header_holds_is_refused_and_not_repeated() -> None:
    assert checked_token(" abc\n") == "abc"
    assert checked_token("") is None
    for token in ("two\nlines", "sécret", "zero\0byte"):
        with pytest.raises(SubmitError, match="The token holds") as caught:
            checked_token(token)
        assert token[:3] not in str(caught.value)


def test_a_proxy_is_asked_for_others_only(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, Any] = {
        "http_proxy": "http://proxy:3128",
        "https_proxy": "http://secure:3128",
        "no_proxy": "inside.example",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert proxy_of("http://far.example") == "http://proxy:3128"
    assert proxy_of("https://far.example") == "http://secure:3128"
    for host in ("inside.example", "localhost:8888", "0.0.0.0:1", "[::1]:1"):
        assert proxy_of(f"http://{host}") is None


def test_a_dead_proxy_does_not_stand_before_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answering(b"{}") as host:
        check_server(host, None, 10.0)
