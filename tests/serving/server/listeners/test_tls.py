"""--ssl_config_file: what it refuses, what it serves, and renewed certificates."""

import errno
import logging
import pathlib
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from typing import NoReturn

import grpc
import pytest

from serving.server.listeners import tls
from serving.server.listeners.tls import ServerTls
from serving.server.listeners.tls_config import ServerTlsConfig
from serving.server.status import StatusError
from tests.support.serving.certificates import (
    Pair,
    make_pair,
    shown_certificate,
    write_ssl_config,
)


@pytest.fixture(scope="module")
def pair() -> Pair:
    return make_pair()


class Clock:
    """A clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"server_key": ""}, "server_key is missing; it takes PEM text, not a path"),
        ({"server_cert": ""}, "server_cert is missing"),
        ({"server_key": "/etc/tls.key"}, "server_key holds no PEM private key"),
        ({"server_cert": "/etc/tls.crt"}, "server_cert holds no PEM certificate"),
        ({"custom_ca": "/etc/ca.crt"}, "custom_ca holds no PEM certificate"),
        ({"client_verify": True}, "client_verify needs custom_ca"),
        ({"server_key": make_pair().key}, "server_key is not the key of server_cert"),
        ({"server_key": make_pair(b"secret").key}, "server_key is encrypted"),
    ],
)
def test_the_error_names_the_field_and_the_mistake(
    tmp_path: pathlib.Path, pair: Pair, fields: dict[str, object], message: str
) -> None:
    path = write_ssl_config(tmp_path / "ssl", pair, **fields)
    with pytest.raises(StatusError, match=f"ssl_config_file {path}: {message}"):
        ServerTls(path)


def test_a_file_that_is_no_ssl_config_is_not_quoted(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "ssl"
    path.write_text('server_cert: "a"\nserver_kee: "VERY SECRET"\n')
    with pytest.raises(StatusError, match="at line 2, column") as caught:
        ServerTls(str(path))
    assert "SECRET" not in str(caught.value)


def test_what_is_written_is_read_again_and_not_shown() -> None:
    config = ServerTlsConfig(
        server_key="KEY\n", server_cert="CERT\n", custom_ca="CA", client_verify=True
    )
    assert ServerTlsConfig.from_text(config.to_text()) == config
    assert "KEY" not in repr(config)


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(StatusError, match="Cannot read ssl_config_file.*/nowhere"):
        ServerTls("/nowhere")


def test_a_key_that_others_can_read_is_warned_of(
    tmp_path: pathlib.Path, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_ssl_config(tmp_path / "ssl", pair)
    pathlib.Path(path).chmod(0o644)
    with caplog.at_level(logging.WARNING):
        ServerTls(path)
    assert "holds a private key, and everybody can read it" in caplog.text


class Ports:
    """A gRPC and an HTTPS port with the certificates of one file."""

    def __init__(self, tls: ServerTls) -> None:
        self._grpc = grpc.server(futures.ThreadPoolExecutor(1))
        self.grpc = self._grpc.add_secure_port("127.0.0.1:0", tls.grpc_credentials())
        self._grpc.start()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.rest = self._socket.getsockname()[1]
        self._context = tls.rest_context()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._grpc.stop(None)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            try:
                # Reading makes a refused client certificate arrive as an error.
                with self._context.wrap_socket(plain, server_side=True) as encrypted:
                    encrypted.recv(1)
            except OSError:
                plain.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config_path(tmp_path: pathlib.Path, pair: Pair) -> pathlib.Path:
    return pathlib.Path(write_ssl_config(tmp_path / "ssl", pair))


@pytest.fixture
def ports(config_path: pathlib.Path, clock: Clock) -> Iterator[Ports]:
    both = Ports(ServerTls(str(config_path), clock=clock))
    yield both
    both.close()


def test_a_renewed_certificate_is_shown_without_a_restart(
    ports: Ports, config_path: pathlib.Path, pair: Pair, clock: Clock
) -> None:
    assert shown_certificate(ports.grpc) == shown_certificate(ports.rest) == pair.der
    renewed = make_pair()
    write_ssl_config(config_path, renewed)
    clock.now_s += 2
    assert shown_certificate(ports.rest) == renewed.der
    assert shown_certificate(ports.grpc) == renewed.der


def test_a_bad_renewal_leaves_the_certificate_in_use(
    ports: Ports,
    config_path: pathlib.Path,
    pair: Pair,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_ssl_config(config_path, Pair(make_pair().cert, pair.key))
    clock.now_s += 2
    assert shown_certificate(ports.grpc) == pair.der
    assert shown_certificate(ports.rest) == pair.der
    assert "Kept the certificate as it is" in caplog.text


def test_a_renewal_that_cannot_be_taken_now_leaves_the_certificate_in_use(
    ports: Ports,
    config_path: pathlib.Path,
    pair: Pair,
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_files(_: ServerTlsConfig) -> NoReturn:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(tls, "make_context", out_of_files)
    write_ssl_config(config_path, make_pair())
    clock.now_s += 2
    assert shown_certificate(ports.grpc) == pair.der
    assert "Kept the certificate as it is" in caplog.text
    assert "Too many open files" in caplog.text


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_client_verify_asks_every_client_for_a_certificate(
    tmp_path: pathlib.Path, pair: Pair, protocol: str
) -> None:
    client = make_pair()
    path = write_ssl_config(
        tmp_path / "ssl", pair, client_verify=True, custom_ca=client.cert
    )
    ports = Ports(ServerTls(path))
    try:
        port = getattr(ports, protocol)
        assert not _is_let_in(port, pair, None, tmp_path)
        assert not _is_let_in(port, pair, make_pair(), tmp_path)
        assert _is_let_in(port, pair, client, tmp_path)
    finally:
        ports.close()


def _is_let_in(
    port: int, server: Pair, client: Pair | None, folder: pathlib.Path
) -> bool:
    """Whether the connection is still open once the handshake is over."""
    context = ssl.create_default_context(cadata=server.cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    if client is not None:
        (folder / "client").write_text(client.key + client.cert)
        context.load_cert_chain(folder / "client")
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as encrypted,
        ):
            # gRPC speaks first; HTTP waits for a request.
            encrypted.settimeout(0.5)
            return bool(encrypted.recv(1))
    except TimeoutError:
        return True
    except OSError:
        return False
