"""Bearer tokens in front of a grpc.aio server."""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from serving.formats.tf_serving_names import AUTHORIZATION_KEY
from serving.server.listeners.tokens import TokenGuard
from serving.server.status import StatusError

Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]]


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Ends calls without a good token before their message is read."""

    def __init__(self, guard: TokenGuard) -> None:
        self._guard = guard

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler:
        if self._guard.guards_method(handler_call_details.method):
            try:
                self._guard.check(_authorization(handler_call_details))
            except StatusError as error:
                return _refusal(error.message)
        return await continuation(handler_call_details)


def _authorization(details: grpc.HandlerCallDetails) -> str | None:
    for key, value in details.invocation_metadata:
        if key == AUTHORIZATION_KEY:
            return value if isinstance(value, str) else None
    return None


def _refusal(message: str) -> grpc.RpcMethodHandler:
    async def refuse(_requests: Any, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, message)

    # As a stream, because a unary call is read to its end (2 GiB) before it is handled.
    return grpc.stream_unary_rpc_method_handler(refuse)
