"""Bearer tokens: who may ask, on both ports."""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from serving.client.wire.tf_serving_names import AUTHORIZATION_KEY
from serving.server.listeners.watched_file import WatchedFile
from serving.server.status import Code, StatusError

log = logging.getLogger(__name__)

# Its methods need no token.
_OPEN_SERVICE = "/grpc.health.v1.Health/"
# RFC 6750; anything else could not be sent in a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SHORT_CHARS = 16

_Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]


class TokenGuard:
    """The tokens of a file, one a line; `#` begins a comment.

    A file that changes is read again. When the new one is bad, the tokens stay as
    they were and the log says why.
    """

    def __init__(
        self, path: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `StatusError` for a file that cannot be read or holds no token."""
        self._path = path
        self._digests = WatchedFile(
            path,
            self._parse,
            flag="bearer_token_file",
            secret="bearer tokens",
            kept="the bearer tokens as they are",
            clock=clock,
        )

    def check(self, authorization: str | None) -> None:
        """Lets `Bearer <one of the tokens>` pass.

        Raises:
            StatusError: UNAUTHENTICATED.
        """
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated(
                "A bearer token is required: send 'authorization: Bearer <token>'."
            )
        sent = _digest(token.strip())
        # All of them, so that the time taken says nothing about which was near.
        matches = [
            hmac.compare_digest(sent, known) for known in self._digests.current()
        ]
        if not any(matches):
            raise _unauthenticated("The bearer token is not one of this server's.")

    def _parse(self, text: str) -> tuple[bytes, ...]:
        digests = []
        for number, line in enumerate(text.splitlines(), 1):
            token = line.partition("#")[0].strip()
            if not token:
                continue
            if not _TOKEN.fullmatch(token):
                # The line is not quoted: it may be a secret that was only mistyped.
                raise ValueError(
                    f"bearer_token_file {self._path}, line {number}: a token consists "
                    "of letters, digits and . _ ~ + / - with = at its end only."
                )
            if len(token) < _SHORT_CHARS:
                log.warning(
                    "%s, line %d: the token is short enough to guess.",
                    self._path,
                    number,
                )
            digests.append(_digest(token))
        if not digests:
            raise ValueError(
                f"bearer_token_file {self._path} holds no token; write one a line."
            )
        return tuple(digests)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _unauthenticated(message: str) -> StatusError:
    return StatusError(Code.UNAUTHENTICATED, message)


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Ends calls without a good token before their message is read."""

    def __init__(self, guard: TokenGuard) -> None:
        self._guard = guard

    async def intercept_service(
        self, continuation: _Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        if not handler_call_details.method.startswith(_OPEN_SERVICE):
            sent: Any = handler_call_details.invocation_metadata
            values = (value for key, value in sent if key == AUTHORIZATION_KEY)
            try:
                self._guard.check(next(values, None))
            except StatusError as error:
                return _refusal(error.message)
        return await continuation(handler_call_details)


def _refusal(message: str) -> grpc.RpcMethodHandler:
    async def refuse(_requests: Any, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, message)

    # As a stream, because a unary call is read to its end (2 GiB) before it is handled.
    return grpc.stream_unary_rpc_method_handler(refuse)
