"""Both ports of a server on one event loop: opened together, drained together."""

import asyncio
import logging
import ssl

import grpc

from serving.server.flags import ServerFlags
from serving.server.grpc_api.server import make_server
from serving.server.grpc_api.service import GrpcService
from serving.server.listeners.bearer_tokens import TokenGuard, TokenInterceptor
from serving.server.listeners.ports import (
    PortError,
    bind_http,
    channel_options,
    check_ports,
    grpc_addresses,
    listen,
)
from serving.server.listeners.tls import ServerTls
from serving.server.listeners.unix_socket import UnixSocketFile
from serving.server.models.health import Health
from serving.server.observation.from_flags import Observation
from serving.server.requests.handler import RequestHandler
from serving.server.rest_api.api import RestApi, RestSettings
from serving.server.rest_api.asgi_app import RestApp
from serving.server.rest_api.probes import ProbeApi
from serving.server.rest_api.uvicorn_server import CLOSE_NOTICE_S, RestServer
from serving.server.status import invalid_argument

log = logging.getLogger(__name__)

GRPC_STOP_LEAD_S = 0.02
"""gRPC refuses new calls after this; only then are those that wait sent elsewhere."""


class Transports:
    """gRPC and REST in front of one handler.

    Args:
        observation: has the metrics, and their page on the REST port.

    Raises:
        StatusError: certificates or tokens that cannot be used; one port for two.
    """

    def __init__(
        self,
        flags: ServerFlags,
        handler: RequestHandler,
        health: Health,
        observation: Observation,
    ) -> None:
        if flags.health_port and flags.health_port in (flags.port, flags.rest_api_port):
            raise invalid_argument(
                f"health_port is {flags.health_port}, which gRPC or REST has; it needs "
                "a port of its own."
            )
        self._flags = flags
        self._handler = handler
        self._health = health
        self._observation = observation
        path = flags.ssl_config_file
        self._tls = ServerTls(path) if path else None
        path = flags.bearer_token_file
        self._guard = TokenGuard(path) if path else None
        self._options = channel_options(flags.grpc_channel_arguments)
        self._grpc: grpc.aio.Server | None = None
        self._rest: RestServer | None = None
        self._probes: RestServer | None = None
        self._socket: UnixSocketFile | None = None
        self._is_open = False

    async def prepare(self) -> None:
        """Makes all that listens later, and opens the port of the probes.

        Raises:
            StatusError: a certificate that cannot be used.
            PortError: a port is taken; nothing is left running.
        """
        flags = self._flags
        check_ports(flags)
        if flags.grpc_socket_path:
            path = flags.grpc_socket_path
            self._socket = UnixSocketFile(path, flags.grpc_socket_mode)
            self._socket.check()
        self._grpc = self._make_grpc()
        if flags.rest_api_port == flags.port and flags.port:
            log.error("rest_api_port equals port (%d); REST is off.", flags.port)
        elif flags.rest_api_port:
            self._rest = self._make_rest()
        if flags.health_port:
            await self._start_probes()

    async def open(self) -> None:
        """Listens, after `prepare`.

        Raises:
            PortError: somebody was quicker.
        """
        flags = self._flags
        if self._grpc is None:
            raise RuntimeError("open comes after prepare")
        # gRPC says nothing useful about a busy port, so ask the system first.
        check_ports(flags)
        # Nobody is let in before all are there.
        bound = None
        if self._rest is not None:
            bound = bind_http("rest_api_port", flags.rest_api_port)
        self._bind_grpc(self._grpc)
        if self._rest is not None and bound is not None:
            listen(bound, "rest_api_port", flags.rest_api_port)
            await self._rest.start(bound)
        await self._grpc.start()
        self._is_open = True
        if self._socket is not None:
            self._socket.publish()
        for address in grpc_addresses(flags):
            log.info("Running gRPC ModelServer at %s ...", address)
        if self._rest is not None:
            port = flags.rest_api_port
            log.info("Exporting HTTP/REST API at:localhost:%d ...", port)

    async def stop(self, limit_s: float) -> None:
        """No new requests; those under way end, or are cut off at the limit."""
        stopping = []
        if self._grpc is not None and self._is_open:
            stopping.append(self._stop_grpc(self._grpc, limit_s))
        if self._rest is not None:
            stopping.append(self._rest.stop(limit_s))
        await asyncio.gather(*stopping)
        if self._socket is not None:
            self._socket.remove()
        # Until the end it says that the server is stopping.
        if self._probes is not None:
            await self._probes.stop(0.0)

    async def _stop_grpc(self, server: grpc.aio.Server, limit_s: float) -> None:
        # gRPC cancels what it has received and not yet handed over when it stops. So
        # first let nobody come back, then stop, then send all of them elsewhere.
        self._handler.is_closing = True
        notice_s = min(CLOSE_NOTICE_S, limit_s / 2)
        await asyncio.sleep(notice_s)
        stopping = asyncio.create_task(server.stop(limit_s - notice_s))
        await asyncio.sleep(GRPC_STOP_LEAD_S)
        self._handler.closed.set()
        await stopping

    def _make_grpc(self) -> grpc.aio.Server:
        flags = self._flags
        service = GrpcService(
            self._handler,
            tensor_content=flags.enable_serialization_as_tensor_content,
            reload_limit_s=flags.reload_limit_seconds,
            read_counter=self._observation.metrics.registry.first_value,
        )
        interceptors = [] if self._guard is None else [TokenInterceptor(self._guard)]
        return make_server(
            self._handler,
            service,
            self._health if flags.enable_grpc_healthcheck_service else None,
            options=self._options,
            interceptors=interceptors,
        )

    def _bind_grpc(self, server: grpc.aio.Server) -> None:
        flags = self._flags
        if flags.port:
            self._add_address(server, "port", f"0.0.0.0:{flags.port}")
        if self._socket is not None:
            address = self._socket.choose_address()
            self._add_address(server, "grpc_socket_path", address)

    def _add_address(self, server: grpc.aio.Server, flag: str, address: str) -> None:
        try:
            if self._tls is None:
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, self._tls.grpc_credentials())
        except RuntimeError as error:
            raise PortError(flag, getattr(self._flags, flag), f"{error}.") from None

    def _make_rest(self) -> RestServer:
        flags = self._flags
        tls: ssl.SSLContext | None = None
        if self._tls is not None and flags.rest_api_enable_tls:
            tls = self._tls.rest_context()
        elif self._tls is not None:
            log.warning(
                "REST on port %d is not encrypted, as upstream leaves it; "
                "--rest_api_enable_tls encrypts it with the same certificate.",
                flags.rest_api_port,
            )
        settings = RestSettings(
            timeout_s=flags.rest_api_timeout_in_ms / 1000,
            num_threads=flags.rest_api_num_threads,
            pages=self._observation.pages,
        )
        api = RestApi(self._handler, self._health, settings)
        guard = None if self._guard is None else self._guard.check
        app = RestApp(api, guard, cors=flags.rest_api_enable_cors_support)
        return RestServer(app, tls, max_body_bytes=flags.rest_api_max_body_bytes)

    async def _start_probes(self) -> None:
        port = self._flags.health_port
        bound = bind_http("health_port", port)
        listen(bound, "health_port", port)
        self._probes = RestServer(RestApp(ProbeApi(self._health), cors=False))
        await self._probes.start(bound)
        log.info("Answering /healthz and /readyz at localhost:%d", port)
