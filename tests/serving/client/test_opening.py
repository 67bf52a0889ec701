"""Which dialect and which transport the settings open."""

from typing import Any

import pytest

from serving.client import opening
from serving.client.config import ClientConfig
from serving.client.retry import RetryBudget

WAITING = {"grpc": "GrpcTransport", "rest": "RestTransport"}
ON_A_LOOP = {"grpc": "AsyncGrpcTransport", "rest": "AsyncRestTransport"}
DIALECTS = {"grpc": "GrpcDialect", "rest": "RestDialect"}

both = pytest.mark.parametrize("kind", ["grpc", "rest"])


def settings(kind: str, **more: Any) -> ClientConfig:
    return ClientConfig(endpoint="localhost:1", transport=kind, **more)  # type: ignore[arg-type]


def name_of(thing: object) -> str:
    return type(thing).__name__


@both
def test_dialect_and_transports_are_of_one_kind(kind: str) -> None:
    config, budget = settings(kind), RetryBudget(1)
    assert name_of(opening.open_dialect(config)) == DIALECTS[kind]
    transport = opening.open_transport(config, budget)
    assert name_of(transport) == WAITING[kind]
    transport.close()
    on_a_loop = opening.open_async_transport(config, budget)
    assert name_of(on_a_loop) == ON_A_LOOP[kind]


@both
def test_hedging_stands_before_both_clients(kind: str) -> None:
    config, budget = settings(kind, hedge_after_s=0.1), RetryBudget(1)
    on_a_loop = opening.open_async_transport(config, budget)
    assert name_of(on_a_loop) == "HedgedTransport"
    waiting = opening.open_transport(config, budget)
    assert name_of(waiting) == "LoopTransport"
    waiting.close()
