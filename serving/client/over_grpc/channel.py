"""What the waiting and the asyncio gRPC transport share: settings, errors."""

import math
import pathlib
from typing import Any

import grpc

from serving.client import endpoint as endpoints
from serving.client import errors
from serving.client.bearer_token import BearerToken
from serving.client.config import ClientConfig, Compression, TlsConfig
from serving.formats.tf_serving_names import AUTHORIZATION_KEY

KEEPALIVE_TIMEOUT_S = 20.0
# A server says after how long a call may be repeated, or (negative) that it may not:
# grpc/proposal, A6-client-retries.md, "Pushback".
PUSHBACK_KEY = "grpc-retry-pushback-ms"


def arguments(config: ClientConfig) -> dict[str, Any]:
    """Makes arguments of `secure_channel` or, without TLS, of `insecure_channel`."""
    path = endpoints.unix_path(config.endpoint)
    is_gzip = config.compression is Compression.GZIP
    settings = {
        "target": config.endpoint if path is None else f"unix:{path}",
        "options": _options(config),
        "compression": grpc.Compression.Gzip if is_gzip else None,
    }
    if config.tls is not None:
        settings["credentials"] = _credentials(config.tls)
    return settings


def metadata(token: BearerToken) -> tuple[tuple[str, str], ...] | None:
    """Makes what travels beside a request; None without a token."""
    header = token.header()
    return None if header is None else ((AUTHORIZATION_KEY, header),)


def serving_error(error: Any, endpoint: str) -> errors.ServingError:
    """Makes our error of an RpcError, of `grpc` or `grpc.aio`."""
    detail = error.details() or ""
    kind = errors.from_grpc_code(error.code().name, detail)
    pushback_s = _pushback_s(error.trailing_metadata())
    return kind(f"gRPC {endpoint}", detail, retry_after_s=pushback_s)


def closed_error(endpoint: str) -> errors.CancelledError:
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
