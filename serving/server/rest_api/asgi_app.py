"""The REST API as an ASGI application: tokens, bodies, gzip and CORS."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from serving.client.wire.tf_serving_names import AUTHORIZATION_KEY
from serving.server.rest_api.api import API_PATH, error_response
from serving.server.rest_api.body_memory import BodyMemory, HeldBody, Receive
from serving.server.rest_api.exchange import JSON_TYPE, Answer, Request
from serving.server.rest_api.probes import is_probe
from serving.server.status import StatusError

_AUTHORIZATION = AUTHORIZATION_KEY.encode()
_ORIGIN = re.compile(rb"https?://")

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Guard = Callable[[str | None], None]


class Api(Protocol):
    """What answers requests that were let in."""

    async def answer(self, request: Request) -> Answer:
        """Answers, and never raises."""


class RestApp:
    """The ASGI application: lets requests in, reads bodies, writes answers.

    Args:
        guard: raises `StatusError` for an Authorization header that will not do.
        cors: answers say that pages of any origin may read them.
    """

    def __init__(self, api: Api, guard: Guard | None = None, *, cors: bool) -> None:
        self.is_closing = False
        """Answers end their connections, so that clients turn to another server."""
        self._api = api
        self._guard = guard
        self._cors = cors
        self._memory = BodyMemory()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        method, target = scope["method"], _target(scope)
        if method == "OPTIONS" and API_PATH.fullmatch(target):
            # As upstream without the CORS flag, too. A browser's asks before it may
            # send a token.
            origin = _ORIGIN.search(headers.get(b"origin", b""))
            await self._send(send, Answer(200 if origin else 400, b""))
            return
        held = HeldBody(self._memory)
        try:
            if self._guard is not None and not is_probe(method, target):
                # Before the body: nobody fills the memory without a token.
                sent = headers.get(_AUTHORIZATION)
                self._guard(None if sent is None else sent.decode("latin-1"))
            body = await held.read(receive)
            if body is None:
                return  # The client went away before it had sent everything.
            if headers.get(b"content-encoding", b"").lower() == b"gzip":
                body = await held.unpack(body)
            request = Request(method, target, body, _peer(scope))
            answer = await self._api.answer(request)
        except StatusError as error:
            answer = error_response(error)
        finally:
            held.release()
        await self._send(send, answer)

    async def _send(self, send: Send, answer: Answer) -> None:
        start = {"type": "http.response.start", "status": answer.status}
        try:
            await send({**start, "headers": self._headers(answer)})
            await send({"type": "http.response.body", "body": answer.body})
        except RuntimeError as error:
            if "closed" not in str(error):
                raise
            # uvloop's word for a client that has just left; uvicorn hears of it next,
            # and logs an error for an answer without an end if it has not.
            await asyncio.sleep(0.01)

    def _headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        for name, value in answer.headers.items():
            headers.append((name.encode(), value.encode()))
        if self._cors and answer.content_type == JSON_TYPE:
            token = b"" if self._guard is None else b", Authorization"
            headers += [
                (b"access-control-allow-origin", b"*"),
                (b"access-control-allow-methods", b"POST, GET"),
                (b"access-control-allow-headers", b"Content-Type" + token),
            ]
        if self.is_closing:
            headers.append((b"connection", b"close"))
        return headers


def _target(scope: Scope) -> str:
    # Upstream does not split the query off the path.
    target = str(scope["raw_path"].decode("latin-1"))
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    return target


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return f"{client[0]}:{client[1]}" if client else ""
