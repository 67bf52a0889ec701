"""uvicorn around the REST application, on a socket that listens already."""

import asyncio
import socket
import ssl

import uvicorn

from serving.server.rest_api.asgi_app import RestApp
from serving.server.rest_api.connection_limits import guarded_protocol, process_limits

CLOSE_NOTICE_S = 0.2
"""Clients with an open connection hear in this time, with an answer, that it ends."""


class RestServer:
    """uvicorn on the event loop that calls `start`.

    Args:
        tls: encrypts; None speaks plain HTTP.
        max_body_bytes: longer ones are refused.
    """

    def __init__(
        self,
        app: RestApp,
        tls: ssl.SSLContext | None = None,
        *,
        max_body_bytes: int = 256 * 1024 * 1024,
    ) -> None:
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
        self._socket: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, listening: socket.socket) -> None:
        """Accepts the connections of a socket from now on."""
        self._socket = listening
        serve = self._server.serve(sockets=[listening])
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
        await asyncio.sleep(min(CLOSE_NOTICE_S, limit_s / 2))
        self._server.config.timeout_graceful_shutdown = max(1, int(limit_s))
        self._server.should_exit = True
        await asyncio.wait([self._serving], timeout=limit_s + 1)
        if self._socket is not None:
            self._socket.close()
