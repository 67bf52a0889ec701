"""gRPC, the fast way to a server: for callers that wait, and for an event loop.

Both in one file, because `import grpc` imports asyncio anyway.
"""

import asyncio

import grpc

from serving.client.bearer_token import BearerToken
from serving.client.calls import AsyncTransport, GrpcCall, Transport
from serving.client.config import ClientConfig
from serving.client.over_grpc import channel


class GrpcTransport(Transport[GrpcCall, bytes]):
    """One channel, opened on the first call and used by all threads."""

    def __init__(self, config: ClientConfig) -> None:
        self._endpoint = config.endpoint
        self._token = BearerToken(config)
        open_channel = (
            grpc.insecure_channel if config.tls is None else grpc.secure_channel
        )
        self._channel = open_channel(**channel.arguments(config))
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable] = {}

    def send(self, call: GrpcCall, timeout_s: float) -> bytes:
        method = self._methods.get(call.path)
        if method is None:
            # Without serialisers: messages go and come as bytes.
            method = self._methods[call.path] = self._channel.unary_unary(call.path)
        metadata = channel.metadata(self._token)
        try:
            return method(call.request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise channel.serving_error(error, self._endpoint) from None
        except ValueError:  # what grpc raises once the channel is closed
            raise channel.closed_error(self._endpoint) from None

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
            raise channel.closed_error(self._config.endpoint)
        method = self._methods.get(call.path) or self._method(call.path)
        metadata = channel.metadata(self._token)
        try:
            return await method(call.request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise channel.serving_error(error, self._config.endpoint) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._is_closed and task is not None and not task.cancelling():
                # Nobody cancelled the caller: closing the channel ended the call.
                raise channel.closed_error(self._config.endpoint) from None
            raise

    async def close(self) -> None:
        """Waiting calls raise `CancelledError`."""
        self._is_closed = True
        if self._channel is not None:
            await self._channel.close()

    def _method(self, path: str) -> grpc.aio.UnaryUnaryMultiCallable:
        if self._channel is None:
            tls = self._config.tls
            aio = grpc.aio
            open_channel = aio.insecure_channel if tls is None else aio.secure_channel
            self._channel = open_channel(**channel.arguments(self._config))
        method = self._methods[path] = self._channel.unary_unary(path)
        return method
