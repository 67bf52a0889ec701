"""TLS for both ports, from one `--ssl_config_file`."""

import contextlib
import dataclasses
import logging
import os
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from serving.server.listeners.tls_config import ServerTlsConfig
from serving.server.listeners.watched_file import WatchedFile

log = logging.getLogger(__name__)


class ServerTls:
    """Credentials for gRPC and a context for REST that follow their file.

    Every handshake uses the certificate the file holds then. A bad new file leaves the
    old certificate in use and says so in the log. Whether clients must show a
    certificate is settled at the start.
    """

    def __init__(
        self, path: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `StatusError`: which field is wrong, and what is wrong with it."""
        self._path = path
        self._client_verify: bool | None = None
        self._file = WatchedFile(
            path,
            self._parse,
            flag="ssl_config_file",
            secret="a private key",
            kept="the certificate as it is",
            clock=clock,
        )

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """Makes credentials for `add_secure_port`."""
        given = self._config

        def follow() -> Any:
            nonlocal given
            fresh = self._config
            if given is fresh:
                return None
            given = fresh
            return _grpc_configuration(given)

        return grpc.dynamic_ssl_server_credentials(
            _grpc_configuration(given),
            follow,
            require_client_authentication=given.client_verify,
        )

    def rest_context(self) -> ssl.SSLContext:
        """Makes the context of a server socket, one for its whole life."""
        context = make_context(self._config)

        def follow(handshake: Any, _name: str | None, _: ssl.SSLContext) -> None:
            handshake.context = self._file.current()[1]

        # Called for every handshake, whether the client names a host or not.
        context.sni_callback = follow
        return context

    @property
    def _config(self) -> ServerTlsConfig:
        return self._file.current()[0]

    def _parse(self, text: str) -> tuple[ServerTlsConfig, ssl.SSLContext]:
        try:
            config = ServerTlsConfig.from_text(text)
            if self._client_verify not in (None, config.client_verify):
                log.error("client_verify changes with a restart only.")
                config = dataclasses.replace(config, client_verify=self._client_verify)
            self._client_verify = config.client_verify
            return config, make_context(config)
        except ValueError as error:
            raise ValueError(f"ssl_config_file {self._path}: {error}") from None


def make_context(certificates: ServerTlsConfig) -> ssl.SSLContext:
    """Makes a server's context.

    Raises:
        ValueError: a field is not PEM, or the key is not the certificate's.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _load_ca(
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), "server_cert", certificates.server_cert
    )
    _load_pair(context, certificates)
    if certificates.custom_ca:
        _load_ca(context, "custom_ca", certificates.custom_ca)
    if certificates.client_verify:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load_ca(context: ssl.SSLContext, field: str, text: str) -> None:
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError) as error:
        raise ValueError(f"{field} holds no PEM certificate: {error}") from None


def _load_pair(context: ssl.SSLContext, certificates: ServerTlsConfig) -> None:
    with (
        _as_file(certificates.server_cert) as cert_path,
        _as_file(certificates.server_key) as key_path,
    ):
        try:
            context.load_cert_chain(cert_path, key_path, password=_no_password)
        except _EncryptedKeyError:
            raise ValueError(
                "server_key is encrypted; the server has no password for it."
            ) from None
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ValueError("server_key is not the key of server_cert.") from None
            raise ValueError(f"server_key holds no PEM private key: {error}") from None


class _EncryptedKeyError(Exception):
    pass


def _no_password() -> str:
    # Without this OpenSSL asks at the terminal.
    raise _EncryptedKeyError


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Gives OpenSSL a path with that content, in memory: no key comes on a disk."""
    descriptor = os.memfd_create("pem")
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield f"/proc/self/fd/{descriptor}"


def _grpc_configuration(certificates: ServerTlsConfig) -> Any:
    pair = certificates.server_key.encode(), certificates.server_cert.encode()
    roots = certificates.custom_ca.encode() or None
    return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)
