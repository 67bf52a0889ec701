"""From settings to a dialect and a transport; only what they need is imported.

Which protocol is spoken is known at run time only, hence `Any` below: the dialect and
the transport made of the same settings have the same calls and answers. Both dialects
have the same methods: those of `serving.client.Client`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .calls import AsyncTransport, Transport
from .config import ClientConfig, TransportKind
from .retry import RetryBudget

if TYPE_CHECKING:
    from .over_grpc.dialect import GrpcDialect
    from .over_rest.dialect import RestDialect


def open_dialect(config: ClientConfig) -> GrpcDialect | RestDialect:
    """Makes the dialect of the protocol that the settings ask for."""
    if config.transport is TransportKind.REST:
        from .over_rest.dialect import RestDialect

        return RestDialect(config)
    from .over_grpc.dialect import GrpcDialect

    return GrpcDialect(config)


def open_transport(config: ClientConfig, budget: RetryBudget) -> Transport[Any, Any]:
    """Makes the way to the server; hedges need an event loop, in a thread here."""
    if config.hedge_after_s is not None:
        from .hedging import LoopTransport

        return LoopTransport(open_async_transport(config, budget), config)
    if config.transport is TransportKind.REST:
        from .over_rest.transport import RestTransport

        return RestTransport(config)
    from .over_grpc.transport import GrpcTransport

    return GrpcTransport(config)


def open_async_transport(
    config: ClientConfig, budget: RetryBudget
) -> AsyncTransport[Any, Any]:
    """Makes the way to the server for an event loop; hedges take from the budget."""
    transport: AsyncTransport[Any, Any]
    if config.transport is TransportKind.REST:
        from .over_rest.async_transport import AsyncRestTransport

        transport = AsyncRestTransport(config)
    else:
        from .over_grpc.transport import AsyncGrpcTransport

        transport = AsyncGrpcTransport(config)
    if config.hedge_after_s is None:
        return transport
    from .hedging import HedgedTransport

    return HedgedTransport(transport, config.hedge_after_s, budget)
