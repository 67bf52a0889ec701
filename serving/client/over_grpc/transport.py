"""gRPC, the fast way to a server: for callers that wait, and for an event loop.

Both in one file, because `import grpc` imports asyncio anyway.
"""

from __future__ import annotations

import asyncio
import math
import pathlib
import types
from typing import Any

import grpc

from .. import errors
from ..bearer_token import BearerToken
from ..calls import AsyncTransport, GrpcCall, Transport
from ..config import ClientConfig, Compression, TlsConfig
from ..wire.tf_serving_names import AUTHORIZATION_KEY

KEEPALIVE_TIMEOUT_S = 20.0
# A server says after how long a call may be repeated, or (negative) that it may not:
# grpc/proposal, A6-client-retries.md, "Pushback".
PUSHBACK_KEY = "grpc-retry-pushback-ms"


class GrpcTransport(Transport[GrpcCall, bytes]):
    """One channel, opened on the first call and used by all threads."""

    def __init__(self, config: ClientConfig) -> None:
        self._endpoint = config.endpoint
        self._token = BearerToken(config)
        self._channel: grpc.Channel = _open_channel(grpc, config)
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable] = {}

    def send(self, call: GrpcCall, timeout_s: float) -> bytes:
        method = self._methods.get(call.path)
        if method is None:
            # Without serialisers: messages go and come as bytes.
            method = self._methods[call.path] = self._channel.unary_unary(call.path)
        metadata = _metadata(self._token)
        try:
            return method(call.request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise _serving_error(error, self._endpoint) from None
        except ValueError:  # what grpc raises once the channel is closed
            raise _closed_error(self._endpoint) from None

    def close(self) -> None:
        """Waiting calls raise `CancelledError`."""
        self._channel.close()


class AsyncGrpcTransport(AsyncTransport[GrpcCall, bytes]):
    """One channel, opened by the first call and bound to its event loop."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._token = BearerToken(config)
        self._channel: grpc.aio.Channel | None = None
        self._is_closed = False
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable] = {}

    async def send(self, call: GrpcCall, timeout_s: float) -> bytes:
        if self._is_closed:
            raise _closed_error(self._config.endpoint)
        method = self._methods.get(call.path) or self._method(call.path)
        metadata = _metadata(self._token)
        try:
            return await method(call.request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise _serving_error(error, self._config.endpoint) from None
        except asyncio.CancelledError:
            if self._is_closed and not _is_cancelled():
                # Nobody cancelled the caller: closing the channel ended the call.
                raise _closed_error(self._config.endpoint) from None
            raise

    async def close(self) -> None:
        """Waiting calls raise `CancelledError`."""
        self._is_closed = True
        if self._channel is not None:
            await self._channel.close()

    def _method(self, path: str) -> grpc.aio.UnaryUnaryMultiCallable:
        if self._channel is None:
            self._channel = _open_channel(grpc.aio, self._config)
        method = self._methods[path] = self._channel.unary_unary(path)
        return method


def _is_cancelled() -> bool:
    """Whether somebody cancelled this task; before Python 3.11 nobody can tell."""
    cancelling = getattr(asyncio.current_task(), "cancelling", None)
    return cancelling is not None and cancelling() > 0


def _open_channel(api: types.ModuleType, config: ClientConfig) -> Any:
    """Opens a channel of `grpc` or of `grpc.aio`."""
    path, is_gzip = config.unix_path, config.compression is Compression.GZIP
    settings: dict[str, Any] = {
        "target": config.endpoint if path is None else f"unix:{path}",
        "options": _options(config),
        "compression": grpc.Compression.Gzip if is_gzip else None,
    }
    if config.tls is None:
        return api.insecure_channel(**settings)
    return api.secure_channel(credentials=_credentials(config.tls), **settings)


def _metadata(token: BearerToken) -> tuple[tuple[str, str], ...] | None:
    """Makes what travels beside a request; None without a token."""
    header = token.header()
    return None if header is None else ((AUTHORIZATION_KEY, header),)


def _serving_error(error: Any, endpoint: str) -> errors.ServingError:
    """Makes our error of an RpcError, of `grpc` or `grpc.aio`."""
    detail = error.details() or ""
    kind = errors.from_grpc_code(error.code().name, detail)
    pushback_s = _pushback_s(error.trailing_metadata())
    return kind(f"gRPC {endpoint}", detail, retry_after_s=pushback_s)


def _closed_error(endpoint: str) -> errors.CancelledError:
    """Makes what a call on a closed client raises."""
    return errors.CancelledError(f"gRPC {endpoint}", "the client was closed")


def _options(config: ClientConfig) -> list[tuple[str, Any]]:
    options: list[tuple[str, Any]] = [
        ("grpc.max_send_message_length", config.max_message_bytes),
        ("grpc.max_receive_message_length", config.max_message_bytes),
        # gRPC waits a second before it dials again; our own back-off is shorter.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
        # Only while a call waits: servers hang up on idle clients that ping often.
        ("grpc.keepalive_time_ms", math.ceil(config.keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(KEEPALIVE_TIMEOUT_S * 1000)),
    ]
    if config.is_local:
        options.append(("grpc.enable_http_proxy", 0))
    if config.tls is not None and config.tls.server_name is not None:
        options.append(("grpc.ssl_target_name_override", config.tls.server_name))
    return options


def _credentials(tls: TlsConfig) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=_content(tls.ca_path),
        private_key=_content(tls.key_path),
        certificate_chain=_content(tls.certificate_path),
    )


def _pushback_s(metadata: Any) -> float | None:
    for key, value in metadata or ():
        if key == PUSHBACK_KEY:
            # "Not a number" means never, as a negative number does.
            return int(value) / 1000 if value.isdigit() else math.inf
    return None


def _content(path: str | None) -> bytes | None:
    return None if path is None else pathlib.Path(path).read_bytes()
