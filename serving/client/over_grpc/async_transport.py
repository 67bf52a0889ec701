"""gRPC for an event loop."""

import asyncio

import grpc

from serving.client.bearer_token import BearerToken
from serving.client.calls import GrpcCall
from serving.client.config import ClientConfig
from serving.client.over_grpc import channel


class AsyncGrpcTransport:
    """One channel, opened by the first call and bound to its event loop."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        self._token = BearerToken(config)
        self._channel: grpc.aio.Channel | None = None
        self._is_closed = False
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable] = {}

    async def send(self, call: GrpcCall, timeout_s: float) -> bytes:
        """The serialised reply."""
        if self._is_closed:
            raise channel.closed_error(self._config.endpoint)
        method = self._methods.get(call.path) or self._method(call.path)
        token = self._token.header()
        metadata = None if token is None else (("authorization", token),)
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
            self._channel = _open_channel(self._config)
        method = self._methods[path] = self._channel.unary_unary(path)
        return method


def _open_channel(config: ClientConfig) -> grpc.aio.Channel:
    target = channel.target(config)
    options = channel.channel_options(config)
    compression = channel.compression(config)
    if config.tls is None:
        return grpc.aio.insecure_channel(target, options, compression)
    credentials = channel.credentials(config.tls)
    return grpc.aio.secure_channel(target, credentials, options, compression)
