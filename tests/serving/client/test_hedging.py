"""A second request when the first is late: who wins, who loses, what it costs."""

import threading

import pytest

from serving.client import errors
from tests.support.patience import LONG_S
from tests.support.serving.clients import CLIENTS, asking
from tests.support.serving.stub_servers import (
    UNAVAILABLE,
    Asked,
    Reply,
    Script,
    first,
)

over_all = pytest.mark.parametrize("over", CLIENTS)


def first_waits_for_second(*replies: Reply) -> Script:
    """The replies in turn, but the first goes out when the second request is there."""
    script, is_asked = first(*replies), threading.Event()

    def reply(number: int, asked: Asked) -> Reply:
        if number == 0:
            assert is_asked.wait(LONG_S)
        is_asked.set()
        return script(number, asked)

    return reply


@over_all
def test_a_late_request_is_sent_a_second_time_and_the_first_answer_counts(
    over: str,
) -> None:
    slow = first(Reply(wait_s=2 * LONG_S))
    with asking(over, slow, hedge_after_s=0.1, deadline_s=LONG_S) as (stub, client):
        assert client.classify(["x"])[0].label == "a"
        assert len(stub.asked) == 2


@pytest.mark.parametrize("over", ["grpc", "async-grpc"])
def test_the_loser_is_cancelled(over: str) -> None:
    slow = first(Reply(wait_s=LONG_S))
    with asking(over, slow, hedge_after_s=0.1) as (stub, client):
        client.classify(["x"])
        assert stub.cancelled.wait(LONG_S / 2)


@over_all
def test_a_failed_copy_does_not_beat_a_slow_answer(over: str) -> None:
    down = Reply(UNAVAILABLE[CLIENTS[over][1]])
    script = first_waits_for_second(Reply(wait_s=0.3), down)
    with asking(over, script, hedge_after_s=0.1, retries=0) as (stub, client):
        assert client.classify(["x"])[0].label == "a"
        assert len(stub.asked) == 2


@over_all
def test_fast_answers_are_not_hedged(over: str) -> None:
    with asking(over, hedge_after_s=LONG_S) as (stub, client):
        client.classify(["x"])
    assert len(stub.asked) == 1


@over_all
def test_an_empty_budget_hedges_nothing(over: str) -> None:
    slow = first_waits_for_second(Reply(), Reply(), Reply(wait_s=0.3))
    with asking(over, slow, hedge_after_s=0.05, retry_budget=1) as (stub, client):
        client.classify(["x"])
        client.classify(["x"])
    assert len(stub.asked) == 3


@over_all
def test_a_hedged_client_that_was_closed_says_so(over: str) -> None:
    with asking(over, hedge_after_s=0.1) as (_, client):
        client.close()
        with pytest.raises(errors.CancelledError, match="closed"):
            client.classify(["x"])
