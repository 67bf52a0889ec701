"""gRPC: the fast way to a server."""

import grpc

from serving.client.bearer_token import BearerToken
from serving.client.calls import GrpcCall
from serving.client.config import ClientConfig
from serving.client.over_grpc import channel


class GrpcTransport:
    """One channel, opened on the first call and used by all threads."""

    def __init__(self, config: ClientConfig) -> None:
        self._endpoint = config.endpoint
        self._token = BearerToken(config)
        self._channel = _open_channel(config)
        self._methods: dict[str, grpc.UnaryUnaryMultiCallable] = {}

    def send(self, call: GrpcCall, timeout_s: float) -> bytes:
        """The serialised reply."""
        method = self._methods.get(call.path)
        if method is None:
            # Without serialisers: messages go and come as bytes.
            method = self._methods[call.path] = self._channel.unary_unary(call.path)
        token = self._token.header()
        metadata = None if token is None else (("authorization", token),)
        try:
            return method(call.request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError as error:
            raise channel.serving_error(error, self._endpoint) from None
        except ValueError:  # what grpc raises once the channel is closed
            raise channel.closed_error(self._endpoint) from None

    def close(self) -> None:
        """Waiting calls raise `CancelledError`."""
        self._channel.close()


def _open_channel(config: ClientConfig) -> grpc.Channel:
    target = channel.target(config)
    options = channel.channel_options(config)
    compression = channel.compression(config)
    if config.tls is None:
        return grpc.insecure_channel(target, options, compression)
    credentials = channel.credentials(config.tls)
    return grpc.secure_channel(target, credentials, options, compression)
