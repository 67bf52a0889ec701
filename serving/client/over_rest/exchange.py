"""What the waiting and the asyncio REST transport share: requests, answers, errors."""

from __future__ import annotations

import collections
import email.utils
import gzip
import json
import ssl
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import httpx

from .. import errors
from ..bearer_token import BearerToken
from ..calls import RestAnswer, RestCall
from ..config import ClientConfig, Compression, TlsConfig
from ..wire.tf_serving_names import AUTHORIZATION_KEY, MODEL_VERSION_HEADER

Connection = TypeVar("Connection")

# Below, gzip saves less than a network packet.
MIN_GZIP_BYTES = 1024
MAX_ERROR_CHARS = 500


class RestExchange(Generic[Connection]):
    """Makes httpx requests of calls, and answers or errors of responses.

    Attributes:
        connections: made by `connect`, the class of an httpx transport.
    """

    def __init__(
        self, config: ClientConfig, connect: Callable[..., Connection]
    ) -> None:
        settings = connection_settings(config)
        self.connections = IdleConnections(
            lambda: connect(**settings), config.keepalive_s
        )
        self._base_url = base_url(config)
        self._is_gzip = config.compression is Compression.GZIP
        self._max_message_bytes = config.max_message_bytes
        self._server_name = None if config.tls is None else config.tls.server_name
        self._token = BearerToken(config)
        # Prepared once: httpx spends more on a URL than the socket on a small request.
        self._urls: dict[str, httpx.URL] = {}

    def request(self, call: RestCall, timeout_s: float) -> httpx.Request:
        """Makes the request, with the time it may take.

        Raises:
            CancelledError: the client was closed.
            UnauthenticatedError: there is no token to send.
        """
        url = self._urls.get(call.path)
        if url is None:
            url = self._urls[call.path] = httpx.URL(self._base_url + call.path)
        headers = {"accept-encoding": "gzip"}
        body = call.body
        if self._is_gzip and len(body) >= MIN_GZIP_BYTES:
            body = gzip.compress(body, compresslevel=1)
            headers["content-encoding"] = "gzip"
        if body:
            headers["content-type"] = "application/json"
        token = self._token.header()
        if token is not None:
            headers[AUTHORIZATION_KEY] = token
        extensions: dict[str, Any] = {"timeout": httpx.Timeout(timeout_s).as_dict()}
        if self._server_name is not None:
            extensions["sni_hostname"] = self._server_name
        request = httpx.Request(
            call.method, url, headers=headers, content=body, extensions=extensions
        )
        if self.connections.is_closed:
            raise errors.CancelledError(f"REST {url}", "the client was closed")
        return request

    def answer(
        self, request: httpx.Request, response: httpx.Response, content: bytes
    ) -> RestAnswer:
        """Gives the body of a good answer; raises the error that another stands for."""
        if response.is_success:
            version = response.headers.get(MODEL_VERSION_HEADER, "")
            return RestAnswer(content, int(version) if version.isdigit() else None)
        kind = errors.from_http_status(response.status_code)
        raise kind(
            f"REST {request.url}",
            f"HTTP {response.status_code}: {_error_text(content)}",
            retry_after_s=_retry_after_s(response.headers.get("retry-after")),
        )

    def check_size(self, size_bytes: int) -> None:
        """Raises `MessageTooLargeError` when an answer is beyond the limit."""
        if size_bytes > self._max_message_bytes:
            raise errors.MessageTooLargeError(
                f"REST {self._base_url}",
                f"received more than {self._max_message_bytes} bytes",
            )

    def transport_error(
        self, error: Exception, request: httpx.Request, timeout_s: float
    ) -> errors.ServingError:
        """Makes our error of an exception of httpx."""
        endpoint = f"REST {request.url}"
        if isinstance(error, (httpx.TimeoutException, TimeoutError)):
            detail = f"{type(error).__name__} after {timeout_s:.3g} s."
            return errors.DeadlineExceededError(endpoint, detail)
        return errors.UnavailableError(endpoint, str(error) or type(error).__name__)


class IdleConnections(Generic[Connection]):
    """Connections that wait for their next request: the one used last goes first.

    A stack that threads may share; it makes connections when it is empty.

    httpx has a pool, which looks through all its connections before and after every
    request: with 16 callers that took twice as long as the requests themselves. So
    every entry here is an httpx transport of one connection.
    """

    def __init__(self, make: Callable[[], Connection], keepalive_s: float) -> None:
        self._make = make
        self._keepalive_s = keepalive_s
        self.is_closed = False
        self._idle: collections.deque[tuple[Connection, float]] = collections.deque()

    def take(self) -> Connection:
        """Gives an idle connection, or a new one; it belongs to the caller."""
        try:
            return self._idle.pop()[0]
        except IndexError:
            return self._make()

    def give_back(self, connection: Connection, is_usable: bool) -> list[Connection]:
        """Keeps it for others; the caller must close all that come back instead."""
        if not is_usable or self.is_closed:
            return [connection]
        now = time.monotonic()
        self._idle.append((connection, now))
        if self._idle[0][1] + self._keepalive_s > now:
            return []
        return self._expired(now)

    def drain(self) -> list[Connection]:
        """Gives all of them away, for closing, and keeps no more."""
        self.is_closed = True
        return self._expired(float("inf"))

    def _expired(self, now: float) -> list[Connection]:
        expired = []
        try:
            while self._idle[0][1] + self._keepalive_s <= now:
                expired.append(self._idle.popleft()[0])
        except IndexError:  # empty, perhaps because another thread took the last
            return expired
        return expired


def base_url(config: ClientConfig) -> str:
    """Joins scheme, host and port, and the path of the endpoint's URL if any."""
    if config.unix_path is not None:
        return "http://localhost"
    if config.is_url:
        return config.endpoint.rstrip("/")
    return f"{'https' if config.is_encrypted else 'http'}://{config.endpoint}"


def connection_settings(config: ClientConfig) -> dict[str, Any]:
    """Makes arguments of an httpx transport that keeps one connection."""
    return {
        "verify": ssl_context(config.tls) if config.is_encrypted else False,
        "limits": httpx.Limits(max_connections=1, keepalive_expiry=config.keepalive_s),
        "uds": config.unix_path,
        "proxy": None if config.is_local else _proxy(base_url(config)),
    }


def ssl_context(tls: TlsConfig | None) -> ssl.SSLContext:
    """Loads whom to trust, and who we are."""
    tls = tls or TlsConfig()
    context = ssl.create_default_context(cafile=tls.ca_path)
    if tls.certificate_path is not None:
        context.load_cert_chain(tls.certificate_path, tls.key_path)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxy(url: str) -> str | None:
    """Finds the proxy that the system's settings name for the URL."""
    scheme, _, _ = url.partition("://")
    if urllib.request.proxy_bypass(httpx.URL(url).host):
        return None
    return urllib.request.getproxies().get(scheme)


def _retry_after_s(value: str | None) -> float | None:
    """Reads seconds, from `Retry-After: 3` or a date; None when it is neither."""
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
    return max(0.0, moment - time.time())


def _error_text(content: bytes) -> str:
    try:
        return str(json.loads(content)["error"])
    except (ValueError, KeyError, TypeError):
        return content.decode("utf-8", "replace")[:MAX_ERROR_CHARS]
