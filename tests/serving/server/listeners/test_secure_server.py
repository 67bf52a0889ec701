"""A whole server with TLS, tokens and a Unix socket, asked by our client."""

import contextlib
import http.client
import logging
import pathlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from serving.client import Client
from serving.client.config import TlsConfig
from serving.client.errors import ServingError, UnavailableError
from tests.support.serving.certificates import make_pair, write_ssl_config
from tests.support.serving.fakes import MODEL, FakeServer

TOKEN = "a-token-of-twenty-letters"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """With a certificate and a token."""
    folder = tmp_path_factory.mktemp("secure")
    pair = make_pair()
    write_ssl_config(folder / "ssl.config", pair)
    (folder / "ca.pem").write_text(pair.cert)
    (folder / "tokens").write_text(TOKEN + "\n")
    (folder / "tokens").chmod(0o600)
    return folder


@pytest.fixture(scope="module")
def secure(folder: pathlib.Path) -> Iterator[FakeServer]:
    """Everything on."""
    with FakeServer(
        folder / "model",
        ssl_config_file=str(folder / "ssl.config"),
        rest_api_enable_tls=True,
        bearer_token_file=str(folder / "tokens"),
        rest_api_enable_cors_support=True,
    ) as server:
        yield server


def _client(server: FakeServer, transport: str, **settings: Any) -> Client:
    is_grpc = transport == "grpc"
    endpoint = server.grpc_endpoint if is_grpc else server.rest_endpoint
    return Client(endpoint, transport=transport, retries=0, **settings)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_both_ports_answer_over_tls_who_has_a_token(
    secure: FakeServer, folder: pathlib.Path, transport: str
) -> None:
    tls = TlsConfig(ca_path=str(folder / "ca.pem"))
    with _client(secure, transport, tls=tls, token=TOKEN) as client:
        assert client.classify(["a"])[0].label == "billing"


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize("token", [None, "somebody-else's-token"])
def test_both_ports_refuse_who_has_none(
    secure: FakeServer, folder: pathlib.Path, transport: str, token: str | None
) -> None:
    tls = TlsConfig(ca_path=str(folder / "ca.pem"))
    with (
        _client(secure, transport, tls=tls, token=token) as client,
        pytest.raises(ServingError, match="bearer token"),
    ):
        client.classify(["a"])


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_no_port_answers_in_the_clear(secure: FakeServer, transport: str) -> None:
    with (
        _client(secure, transport, token=TOKEN) as client,
        pytest.raises(UnavailableError),
    ):
        client.classify(["a"])


def _get(server: FakeServer, folder: pathlib.Path, path: str) -> tuple[int, Any]:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    url = f"https://{server.rest_endpoint}{path}"
    try:
        with urllib.request.urlopen(url, context=context) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def test_probes_need_no_token_and_the_rest_is_told_how_to_send_one(
    secure: FakeServer, folder: pathlib.Path
) -> None:
    assert _get(secure, folder, "/healthz")[0] == 200
    assert _get(secure, folder, "/readyz")[0] == 200
    for path in (f"/v1/models/{MODEL}", "/monitoring/prometheus/metrics", "/"):
        status, headers = _get(secure, folder, path)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        allowed = headers["access-control-allow-headers"]
        assert allowed == "Content-Type, Authorization"


def test_a_body_is_not_waited_for_when_the_token_is_missing(
    secure: FakeServer, folder: pathlib.Path
) -> None:
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    host, _, port = secure.rest_endpoint.partition(":")
    connection = http.client.HTTPSConnection(
        host, int(port), context=context, timeout=5
    )
    with contextlib.closing(connection):
        connection.putrequest("POST", f"/v1/models/{MODEL}:predict")
        connection.putheader("content-length", "1000000")
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status == 401


def test_rest_stays_plain_as_upstream_s_unless_told_otherwise(
    tmp_path: pathlib.Path, folder: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ssl_config = str(folder / "ssl.config")
    tls = TlsConfig(ca_path=str(folder / "ca.pem"))
    with FakeServer(tmp_path / "model", ssl_config_file=ssl_config) as server:
        for transport, settings in (("rest", {}), ("grpc", {"tls": tls})):
            with _client(server, transport, **settings) as client:
                assert client.classify(["a"])[0].label == "billing"
        assert "--rest_api_enable_tls encrypts it" in caplog.text


def test_a_unix_socket_may_be_the_only_way_in(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "socket"
    flags = {"port": 0, "rest_api_port": 0, "grpc_socket_path": str(path)}
    with (
        FakeServer(tmp_path / "model", **flags),
        Client(f"unix:{path}", transport="grpc") as client,
    ):
        assert client.classify(["a"])[0].label == "billing"
    assert not path.exists()
