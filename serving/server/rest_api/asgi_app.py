"""RestApi behind an ASGI server: reading bodies, gzip, CORS, and how it ends."""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any

from serving.server.rest_api.api import (
    API_PATH,
    JSON_TYPE,
    Answer,
    Request,
    RestApi,
    error_response,
)
from serving.server.rest_api.body_memory import BodyMemory, HeldBody, Receive
from serving.server.status import StatusError

FAREWELL_S = 0.2
_ORIGIN = re.compile(rb"https?://")

Send = Callable[[dict[str, Any]], Awaitable[None]]


class RestApp:
    """The ASGI application: reads bodies, asks the API, writes answers."""

    def __init__(self, api: RestApi, *, cors: bool) -> None:
        self.is_closing = False
        """Answers end their connections, so that clients turn to another server."""
        self._api = api
        self._cors = cors
        self._memory = BodyMemory()

    async def __call__(
        self, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        if scope["method"] == "OPTIONS" and API_PATH.fullmatch(_target(scope)):
            # As upstream without the CORS flag, too. A browser's asks before it may
            # send a token.
            origin = _ORIGIN.search(headers.get(b"origin", b""))
            answer = Answer(200 if origin else 400, b"")
        else:
            held = self._memory.hold()
            try:
                found = await self._answer(scope, headers, receive, held)
            finally:
                held.release()
            if found is None:
                return
            answer = found
        await _send_answer(send, answer, self._extra_headers(answer))

    async def _answer(
        self,
        scope: dict[str, Any],
        headers: dict[bytes, bytes],
        receive: Receive,
        held: HeldBody,
    ) -> Answer | None:
        method, target = scope["method"], _target(scope)
        sent = headers.get(b"authorization")
        authorization = None if sent is None else sent.decode("latin-1")
        try:
            self._api.admit(method, target, authorization)
            body = await held.read(receive)
            if body is None:
                return None
            if headers.get(b"content-encoding", b"").lower() == b"gzip":
                body = await held.unpack(body)
        except StatusError as error:
            return error_response(error)
        client = scope.get("client")
        peer = f"{client[0]}:{client[1]}" if client else ""
        return await self._api.answer(
            Request(method, target, body, authorization, peer)
        )

    def _extra_headers(self, answer: Answer) -> list[tuple[bytes, bytes]]:
        headers = [(n.encode(), v.encode()) for n, v in answer.headers.items()]
        if self._cors and answer.content_type == JSON_TYPE:
            token = b", Authorization" if self._api.needs_token else b""
            headers += [
                (b"access-control-allow-origin", b"*"),
                (b"access-control-allow-methods", b"POST, GET"),
                (b"access-control-allow-headers", b"Content-Type" + token),
            ]
        if self.is_closing:
            headers.append((b"connection", b"close"))
        return headers


def _target(scope: dict[str, Any]) -> str:
    # Upstream does not split the query off the path.
    target = str(scope["raw_path"].decode("latin-1"))
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    return target


async def _send_answer(
    send: Send, answer: Answer, extra: list[tuple[bytes, bytes]]
) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *extra,
    ]
    start = {"type": "http.response.start", "status": answer.status}
    try:
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        # uvloop's word for a client that has just left; uvicorn hears of it next, and
        # logs an error for an answer without an end if it has not.
        await asyncio.sleep(0.01)


class RestServer:
    """uvicorn on the event loop that calls `start`, on a socket that is bound already.

    Args:
        tls: encrypts; None speaks plain HTTP.
        max_body_bytes: longer ones are refused.
    """

    def __init__(
        self,
        app: RestApp,
        bound: socket.socket,
        tls: ssl.SSLContext | None = None,
        *,
        max_body_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        import uvicorn

        from serving.server.rest_api.connection_limits import (
            guarded_protocol,
            process_limits,
        )

        config = uvicorn.Config(
            app,
            http=guarded_protocol(process_limits(max_body_bytes)),
            # An upgrade to a WebSocket would end in a 500.
            ws="none",
            # As libevent's, so that pools of connections live as long as before.
            timeout_keep_alive=50,
            lifespan="off",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
        )
        config.load()
        config.ssl = tls
        self._app = app
        self._server = uvicorn.Server(config)
        self._socket = bound
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accepts connections from now on."""
        serve = self._server.serve(sockets=[self._socket])
        self._serving = asyncio.create_task(serve)
        while not self._server.started and not self._serving.done():
            await asyncio.sleep(0.001)
        if self._serving.done():
            await self._serving  # It says why.

    async def stop(self, limit_s: float) -> None:
        """Refuses new connections; requests that have begun are answered."""
        if self._serving is None:
            return
        for listener in self._server.servers:
            listener.close()
        # A client with an open connection is told with its next answer, so that fewer
        # meet a connection that closes beneath a request just sent.
        self._app.is_closing = True
        await asyncio.sleep(min(FAREWELL_S, limit_s / 2))
        self._server.config.timeout_graceful_shutdown = max(1, int(limit_s))
        self._server.should_exit = True
        await asyncio.wait([self._serving], timeout=limit_s + 1)
        self._socket.close()
