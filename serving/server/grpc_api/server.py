"""A gRPC server around the calls: bytes to messages, errors to statuses, health."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

import grpc
from google.protobuf.message import DecodeError

from serving.client import protos
from serving.server.grpc_api.service import Context, GrpcService, Method
from serving.server.models.health import Health
from serving.server.observation.record import GRPC, RequestRecord
from serving.server.requests.handler import RequestHandler
from serving.server.status import (
    StatusError,
    from_exception,
    invalid_argument,
)

MAX_ERROR_CHARS = 1024
WATCH_PERIOD_S = 0.1
INT32_MAX = 2**31 - 1
GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
# A busy port must be an error, so no SO_REUSEPORT.
OPTIONS = (
    ("grpc.max_send_message_length", INT32_MAX),
    ("grpc.max_receive_message_length", INT32_MAX),
    ("grpc.so_reuseport", 0),
)


def make_server(
    handler: RequestHandler,
    service: GrpcService,
    health: Health | None,
    *,
    options: Sequence[tuple[str, Any]] = (),
    interceptors: Sequence[grpc.aio.ServerInterceptor] = (),
) -> grpc.aio.Server:
    """Makes a server without a port; call it on the event loop that will carry it."""
    # Of two values for one option gRPC would take the first.
    chosen = {**dict(OPTIONS), **dict(options)}
    server = grpc.aio.server(options=list(chosen.items()), interceptors=interceptors)
    for service_name, methods in service.methods().items():
        described = protos.pool().FindServiceByName(service_name).methods_by_name
        generic = {}
        for name, method in methods.items():
            message = protos.message_class(described[name].input_type.full_name)
            call = _rpc(handler, name, message.FromString, method)
            generic[name] = grpc.unary_unary_rpc_method_handler(call)
        _add(server, service_name, generic)
    if health is not None:
        _add(server, protos.HEALTH_SERVICE, _health_handlers(health))
    return server


def _add(server: grpc.aio.Server, service: str, handlers: Mapping[str, Any]) -> None:
    handler = grpc.method_handlers_generic_handler(service, handlers)
    server.add_generic_rpc_handlers((handler,))


def _rpc(
    handler: RequestHandler, api: str, parse: Callable[[bytes], Any], method: Method
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    """Makes a function of bytes; exceptions become statuses, and observers hear."""

    async def call(content: bytes, context: Context) -> bytes:
        record = RequestRecord(
            api=api, entrypoint=GRPC, request_bytes=len(content), peer=context.peer()
        )
        try:
            with handler.begin(record) as under_way:
                if handler.is_closing:
                    await handler.refuse()
                request = _parsed(parse, api, content)
                response = await method(request, context, under_way)
                answer: bytes = response.SerializeToString()
                record.response_bytes = len(answer)
                return answer
        except Exception as error:  # noqa: BLE001  a bad request must not crash
            status = from_exception(error)
        return await _abort(context, status)

    return call


def _parsed(parse: Callable[[bytes], Any], api: str, content: bytes) -> Any:
    try:
        return parse(content)
    except DecodeError:
        raise invalid_argument(
            f"The {len(content)} bytes received are no {api} request; is the client's "
            "proto the one of TF Serving?"
        ) from None


async def _abort(context: Context, status: StatusError) -> NoReturn:
    await context.abort(GRPC_CODES[status.code], _detail(status.message))


def _detail(message: str) -> str:
    if len(message) > MAX_ERROR_CHARS:
        message = message[:MAX_ERROR_CHARS] + "...TRUNCATED"
    return message.encode("utf-8", "replace").decode("utf-8")


def _health_handlers(health: Health) -> dict[str, grpc.RpcMethodHandler]:
    def service(content: bytes) -> str:
        request = _parsed(protos.HealthCheckRequest.FromString, "Health", content)
        return str(request.service)

    async def check(content: bytes, context: Context) -> Any:
        try:
            return protos.HealthCheckResponse(status=health.check(service(content)))
        except StatusError as error:
            return await _abort(context, error)

    async def watch(content: bytes, context: Context) -> AsyncIterator[Any]:
        """Yields every change; ends with the server: no stream holds up its stop."""
        try:
            name = service(content)
        except StatusError as error:
            await _abort(context, error)
        last = None
        while True:
            is_last = health.is_stopping
            current = health.watch(name)
            if current is not last:
                last = current
                yield protos.HealthCheckResponse(status=current)
            if is_last:
                return
            await asyncio.sleep(WATCH_PERIOD_S)

    def written(message: Any) -> bytes:
        return bytes(message.SerializeToString())

    return {
        "Check": grpc.unary_unary_rpc_method_handler(
            check, response_serializer=written
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(
            watch, response_serializer=written
        ),
    }
