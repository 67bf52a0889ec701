"""Sends over gRPC: bytes out, bytes in, over a few connections.

A channel is one connection, and one connection is one thread's work on either side;
a few of them is what a handful of client machines looks like to a server.
"""

from collections.abc import Sequence

import grpc

from benchmarks.load import payloads
from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import SendError
from serving.client import protos

METHOD = f"/{protos.PREDICTION_SERVICE}/Predict"


class GrpcSender:
    """Make it inside a running event loop."""

    def __init__(self, config: LoadConfig, texts: Sequence[str]) -> None:
        self._payloads = payloads.grpc_payloads(config, texts)
        self._rows = config.texts_per_request
        self._deadline_s = config.deadline_s
        options = [
            # Without it, channels to one address share one connection.
            ("grpc.use_local_subchannel_pool", 1),
            # An answer that was not given must be seen, not asked for again.
            ("grpc.enable_retries", 0),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        self._channels = [
            grpc.aio.insecure_channel(config.endpoint, options)
            for _ in range(min(config.channels, config.clients or config.channels))
        ]
        self._calls = [channel.unary_unary(METHOD) for channel in self._channels]

    async def send(self, number: int) -> bytes:
        call = self._calls[number % len(self._calls)]
        try:
            payload = self._payloads[number % len(self._payloads)]
            return await call(payload, timeout=self._deadline_s)
        except grpc.aio.AioRpcError as error:
            raise SendError(error.code().name, error.details() or "") from None

    def check(self, answer: bytes) -> None:
        payloads.check_grpc(answer, self._rows)

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
