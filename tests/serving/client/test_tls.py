"""The clients over TLS: whom they trust, and how they are trusted."""

import contextlib
import pathlib
import ssl
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from serving.client.config import TlsConfig
from serving.client.errors import UnavailableError
from tests.support.serving.certificates import Pair, make_pair
from tests.support.serving.clients import CLIENTS
from tests.support.serving.stub_servers import STUBS, StubGrpcServer, StubRestServer

over_all = pytest.mark.parametrize("over", CLIENTS)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make_pair()


@pytest.fixture
def paths(tmp_path: pathlib.Path, pair: Pair) -> tuple[str, str]:
    """Paths of the certificate and of its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_text(pair.cert)
    key.write_text(pair.key)
    return str(cert), str(key)


@contextlib.contextmanager
def encrypted(
    over: str,
    paths: tuple[str, str],
    *,
    address: str = "localhost:0",
    wants_certificate: bool = False,
) -> Iterator[StubGrpcServer | StubRestServer]:
    """A stub server behind TLS."""
    if CLIENTS[over][1] == "rest":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*paths)
        if wants_certificate:
            context.load_verify_locations(paths[0])
            context.verify_mode = ssl.CERT_REQUIRED
        security: dict[str, Any] = {"tls": context}
    else:
        cert, key = (pathlib.Path(path).read_bytes() for path in paths)
        credentials = grpc.ssl_server_credentials(
            [(key, cert)], cert if wants_certificate else None, wants_certificate
        )
        security = {"credentials": credentials}
    with STUBS[CLIENTS[over][1]](address=address, **security) as stub:
        yield stub


def ask(over: str, endpoint: str, tls: TlsConfig, **settings: Any) -> str:
    client_class, kind = CLIENTS[over]
    patience = {"retries": 0, "deadline_s": 10}
    with client_class(
        endpoint, transport=kind, tls=tls, **patience, **settings
    ) as client:
        return client.classify(["x"])[0].label


@over_all
def test_the_ca_that_was_given_is_trusted_and_the_token_sent(
    over: str, paths: tuple[str, str]
) -> None:
    with encrypted(over, paths) as stub:
        tls = TlsConfig(ca_path=paths[0])
        assert ask(over, stub.endpoint, tls, token="t") == "a"
    assert stub.asked[0].headers["authorization"] == "Bearer t"


@over_all
def test_strangers_are_not_trusted(over: str, paths: tuple[str, str]) -> None:
    with encrypted(over, paths) as stub:
        with pytest.raises(UnavailableError, match="(?i)certificate"):
            ask(over, stub.endpoint, TlsConfig())
        assert not stub.asked


@over_all
def test_a_certificate_for_another_name_needs_to_be_told(
    over: str, paths: tuple[str, str]
) -> None:
    # The certificate is for localhost and 127.0.0.1.
    with encrypted(over, paths, address="127.0.0.2:0") as stub:
        with pytest.raises(UnavailableError):
            ask(over, stub.endpoint, TlsConfig(ca_path=paths[0]))
        named = TlsConfig(ca_path=paths[0], server_name="localhost")
        assert ask(over, stub.endpoint, named) == "a"


@over_all
def test_a_server_that_wants_a_certificate_gets_one(
    over: str, paths: tuple[str, str]
) -> None:
    cert, key = paths
    with encrypted(over, paths, wants_certificate=True) as stub:
        with pytest.raises(UnavailableError):
            ask(over, stub.endpoint, TlsConfig(ca_path=cert))
        ours = TlsConfig(ca_path=cert, certificate_path=cert, key_path=key)
        assert ask(over, stub.endpoint, ours) == "a"


@pytest.mark.parametrize("over", ["rest", "async-rest"])
def test_rest_can_be_told_to_trust_everybody(over: str, paths: tuple[str, str]) -> None:
    with encrypted(over, paths) as stub:
        endpoint = f"https://{stub.endpoint}"
        assert ask(over, endpoint, TlsConfig(insecure_skip_verify=True)) == "a"
