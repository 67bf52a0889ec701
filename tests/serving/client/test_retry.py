"""When a call is repeated, and when not."""

import math
import time
from typing import Any

import pytest

from serving.client.calls import GrpcCall, Steps, Transport
from serving.client.config import ClientConfig
from serving.client.errors import (
    InternalError,
    ResourceExhaustedError,
    ServingError,
    UnavailableError,
)
from serving.client.retry import RetryBudget, RetryPolicy, ask
from tests.support.patience import LONG_S
from tests.support.serving.clients import CLIENTS, asking
from tests.support.serving.stub_servers import UNAVAILABLE, Reply, always, first

EXHAUSTED = {"grpc": "RESOURCE_EXHAUSTED", "rest": 429}
IN_ONE_SECOND = {
    "grpc": {"grpc-retry-pushback-ms": "1000"},
    "rest": {"retry-after": "1"},
}

over_all = pytest.mark.parametrize("over", CLIENTS)


class Server(Transport[GrpcCall, str]):
    """A transport that fails as often as told, on a clock of its own."""

    def __init__(self, failures: int, error: ServingError | None = None) -> None:
        self.now_s = 0.0
        self.calls: list[float] = []
        self.waits: list[float] = []
        self._failures = failures
        self._error = error or UnavailableError("host:1", "down")

    def send(self, call: GrpcCall, timeout_s: float) -> str:
        self.calls.append(timeout_s)
        if len(self.calls) <= self._failures:
            raise self._error
        return "answer"

    def close(self) -> None:
        """Nothing to give back."""

    def ask(
        self,
        budget: RetryBudget | None = None,
        may_repeat: bool = True,
        **settings: Any,
    ) -> str:
        policy = RetryPolicy(
            ClientConfig(**settings), budget or RetryBudget(100), lambda: self.now_s
        )
        return ask(_steps(may_repeat), self, policy, policy.deadline(), self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


def _steps(may_repeat: bool) -> Steps[GrpcCall, str, str]:
    answer = yield GrpcCall("/a/B", b"", may_repeat)
    return answer


def test_a_server_that_comes_back_is_asked_again() -> None:
    server = Server(failures=3)
    assert server.ask(retries=3) == "answer"
    assert len(server.calls) == 4


def test_the_deadline_is_one_for_all_attempts() -> None:
    server = Server(failures=3)
    server.ask(retries=3, backoff_s=1.0, deadline_s=60)
    left = [server.calls[0] - later for later in server.calls]
    assert left == pytest.approx([0, *_running_sums(server.waits)])


def test_waits_are_random_over_their_whole_length_and_may_double() -> None:
    waits = []
    for _ in range(300):
        server = Server(failures=2)
        server.ask(retries=2, backoff_s=1.0, deadline_s=60)
        waits.append(server.waits)
    first, second = zip(*waits, strict=True)
    assert min(first) < 0.1
    assert 0.9 < max(first) <= 1
    assert 1.8 < max(second) <= 2


def test_retries_end() -> None:
    server = Server(failures=9)
    with pytest.raises(UnavailableError):
        server.ask(retries=2)
    assert len(server.calls) == 3


def test_no_retry_begins_after_the_deadline() -> None:
    server = Server(9, UnavailableError("host:1", "full", retry_after_s=1.0))
    with pytest.raises(UnavailableError):
        server.ask(retries=9, deadline_s=2.5)
    assert server.now_s == 2.0


@pytest.mark.parametrize(
    "error",
    [
        InternalError("host:1", "bug"),
        ResourceExhaustedError("host:1", "full"),
        ResourceExhaustedError("host:1", "full", retry_after_s=math.inf),
        UnavailableError("host:1", "stay away", retry_after_s=math.inf),
    ],
)
def test_what_does_not_invite_is_not_repeated(error: ServingError) -> None:
    server = Server(1, error)
    with pytest.raises(type(error)):
        server.ask(retries=5)
    assert len(server.calls) == 1


@pytest.mark.parametrize("kind", [UnavailableError, ResourceExhaustedError])
def test_a_server_may_say_when_to_come_back(kind: type[ServingError]) -> None:
    server = Server(1, kind("host:1", "full", retry_after_s=3.0))
    assert server.ask(retries=5) == "answer"
    assert server.waits == [3.0]


def test_what_changes_the_server_is_asked_once() -> None:
    server = Server(failures=1)
    with pytest.raises(UnavailableError):
        server.ask(may_repeat=False, retries=5)
    assert len(server.calls) == 1


def test_the_budget_ends_retries_of_all_calls() -> None:
    budget = RetryBudget(3)
    server = Server(failures=99)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            server.ask(budget, retries=2)
    assert len(server.calls) == 5 + 3


def test_ten_answers_pay_for_one_retry() -> None:
    budget = RetryBudget(1)
    assert budget.take()
    for _ in range(9):
        Server(failures=0).ask(budget)
    assert not budget.take()
    Server(failures=0).ask(budget)
    Server(failures=0).ask(budget)  # 10 x 0.1 is a little less than 1
    assert budget.take()


@over_all
def test_a_server_in_trouble_is_asked_again(over: str) -> None:
    down = Reply(UNAVAILABLE[CLIENTS[over][1]])
    with asking(over, first(down, down), backoff_s=0.01) as (stub, client):
        assert client.classify(["x"])[0].label == "a"
    assert len(stub.asked) == 3


@over_all
def test_the_server_s_time_to_come_back_is_kept(over: str) -> None:
    kind = CLIENTS[over][1]
    full = Reply(EXHAUSTED[kind], headers=IN_ONE_SECOND[kind])
    with asking(over, first(full), backoff_s=0.001) as (stub, client):
        start = time.monotonic()
        assert client.classify(["x"])[0].label == "a"
        assert 1.0 <= time.monotonic() - start < LONG_S
    assert len(stub.asked) == 2


@pytest.mark.parametrize("value", ["-1", "soon"])
@pytest.mark.parametrize("over", ["grpc", "async-grpc"])
def test_a_server_can_forbid_to_come_back(over: str, value: str) -> None:
    reply = Reply("UNAVAILABLE", headers={"grpc-retry-pushback-ms": value})
    with asking(over, always(reply)) as (stub, client):
        with pytest.raises(UnavailableError):
            client.classify(["x"])
        assert len(stub.asked) == 1


def _running_sums(values: list[float]) -> list[float]:
    return [sum(values[: count + 1]) for count in range(len(values))]
