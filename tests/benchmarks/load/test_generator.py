"""What the load generator promises, with a sender that behaves as told."""

import asyncio
import time
from typing import Any

import numpy as np
import pytest

from benchmarks.load.arrivals import AlarmClock, schedule
from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import Generator, SendError, Window
from benchmarks.load.result import ServerSide, summarize
from tests.support import virtual_time


class FakeSender:
    """Answers after `answer_s`; one at a time if `is_single`."""

    def __init__(self, answer_s: float = 0.0, *, is_single: bool = False) -> None:
        self.sent_s: list[float] = []
        self.most_at_once = 0
        self._at_once = 0
        self._answer_s = answer_s
        self._room = asyncio.Semaphore(1 if is_single else 1000)

    async def send(self, number: int) -> bytes:
        self.sent_s.append(virtual_time.now_s())
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        async with self._room:
            await asyncio.sleep(self._answer_s)
        self._at_once -= 1
        return self.answer(number)

    def answer(self, number: int) -> bytes:
        return b"good"

    def check(self, answer: bytes) -> None:
        if answer != b"good":
            raise ValueError(f"this is no good answer: {answer!r}")

    async def close(self) -> None:
        pass


class MoodySender(FakeSender):
    """Every second request fails, every fourth as if the server were not there."""

    def answer(self, number: int) -> bytes:
        if number % 2:
            raise SendError("UNAVAILABLE" if number % 4 == 1 else "INTERNAL", "bad day")
        return b"good"


class WrongSender(FakeSender):
    def answer(self, number: int) -> bytes:
        return b"wrong"


def config(**settings: Any) -> LoadConfig:
    quick = {"duration_s": 0.4, "warm_up_s": 0.1, "endpoint": "localhost:1"}
    return LoadConfig(**{**quick, **settings})


def window_of(settings: LoadConfig, sender: FakeSender) -> Window:
    edges: list[float] = []
    generator = Generator(
        settings,
        sender,
        on_edge=lambda: edges.append(virtual_time.now_s()),
        clock=virtual_time.now_s,
    )
    window = virtual_time.run(generator.run())
    assert edges[1] - edges[0] == pytest.approx(settings.duration_s)
    return window


def test_a_slow_server_does_not_make_an_open_loop_slower():
    sender = FakeSender(answer_s=0.2)
    window_of(config(rate_per_s=100, arrivals="constant"), sender)
    assert len(sender.sent_s) == 50
    gaps_s = np.diff(sender.sent_s)
    assert gaps_s == pytest.approx(0.01)
    assert sender.most_at_once == pytest.approx(20, abs=1)


def test_latency_counts_from_when_a_request_was_due():
    # 100 arrive each second, 20 can be answered: the last has waited for the others.
    sender = FakeSender(answer_s=0.05)
    settings = config(
        rate_per_s=100,
        arrivals="constant",
        max_in_flight=1,
        warm_up_s=0,
        duration_s=0.5,
    )
    window = window_of(settings, sender)
    assert max(window.latencies_s) == pytest.approx(0.45, abs=0.06)
    assert max(window.send_delays_s) == pytest.approx(0.4, abs=0.06)


def test_requests_that_never_got_their_turn_are_reported():
    settings = config(rate_per_s=100, max_in_flight=1, warm_up_s=0)
    window = window_of(settings, FakeSender(answer_s=0.1))
    assert window.not_sent > 25
    assert window.arrived == window.not_sent + len(window.latencies_s)


def test_a_closed_loop_has_as_many_requests_at_once_as_clients():
    sender = FakeSender(answer_s=0.02)
    window = window_of(config(clients=3), sender)
    assert sender.most_at_once == 3
    assert window.answered_in_time == pytest.approx(3 * 0.4 / 0.02, abs=3)


def test_the_warm_up_is_left_out():
    sender = FakeSender(answer_s=0.01)
    window = window_of(config(clients=1, warm_up_s=0.3, duration_s=0.2), sender)
    assert len(sender.sent_s) == pytest.approx(50, abs=1)
    assert len(window.latencies_s) == pytest.approx(20, abs=1)


def test_errors_are_counted_by_kind_and_shown_by_example():
    window = window_of(config(clients=1, max_requests=400, warm_up_s=0), MoodySender())
    assert window.errors["UNAVAILABLE"] == pytest.approx(
        window.errors["INTERNAL"], abs=1
    )
    assert window.examples == {"UNAVAILABLE": "bad day", "INTERNAL": "bad day"}
    assert sum(window.errors.values()) + len(window.latencies_s) == window.arrived


def test_an_answer_that_does_not_fit_is_an_error():
    settings = config(clients=1, check_every=1, max_requests=5, warm_up_s=0)
    window = window_of(settings, WrongSender())
    assert window.errors == {"wrong answer": 5}
    assert "no good answer" in window.examples["wrong answer"]


@pytest.mark.parametrize("how", [{"clients": 4}, {"rate_per_s": 1000.0}])
def test_no_more_than_so_many_requests_are_sent(how: dict[str, Any]):
    sender = FakeSender()
    window_of(config(max_requests=20, **how), sender)
    assert len(sender.sent_s) == 20


def test_a_refusing_server_is_not_asked_at_full_speed():
    class Refusing(FakeSender):
        def answer(self, number: int) -> bytes:
            raise SendError("UNAVAILABLE", "not today")

    sender = Refusing()
    window_of(config(clients=1), sender)
    assert len(sender.sent_s) < 60


@pytest.mark.parametrize(("arrivals", "spread"), [("poisson", 1.0), ("constant", 0.0)])
def test_arrivals_have_the_rate_and_the_spread_of_their_kind(
    arrivals: str, spread: float
):
    due_s = schedule(config(rate_per_s=500, arrivals=arrivals, duration_s=20))
    gaps_s = np.diff(due_s)
    assert (gaps_s >= 0).all()
    assert gaps_s.mean() == pytest.approx(1 / 500, rel=0.05)
    # For a Poisson process, the gaps' standard deviation equals their mean.
    assert gaps_s.std() / gaps_s.mean() == pytest.approx(spread, abs=0.1)


def test_the_alarm_clock_is_punctual():
    async def wake() -> float:
        with AlarmClock() as clock:
            due_s = time.monotonic() + 0.0023
            await clock.wait_until(due_s)
            return time.monotonic() - due_s

    # A busy machine is late, too; an event loop's own timer is always: by 0.7 ms.
    late_s = (asyncio.run(wake()) for _ in range(3000))
    earliest_s = next(late for late in late_s if late < 0.0006)
    assert earliest_s >= 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "neither"),
        ({"clients": 1, "rate_per_s": 1.0}, "not both"),
        ({"clients": 0}, "clients is 0"),
        ({"rate_per_s": -1.0}, "rate_per_s is -1.0"),
        ({"clients": 1, "transport": "soap"}, "allowed: grpc, rest"),
        ({"clients": 1, "warm_up_s": -1.0}, "warm_up_s is -1.0"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        config(**settings)


def test_the_result_divides_processor_time_by_answers():
    settings = config(clients=2, texts_per_request=3, duration_s=2)
    window = Window(latencies_s=[0.001] * 99 + [0.5], answered_in_time=100, arrived=100)
    result = summarize(settings, window, 0.01, ServerSide(cpu_s=0.2))
    assert result.client_cpu_us == pytest.approx(100)
    assert result.server_cpu_us == pytest.approx(2000)
    assert (result.requests_per_s, result.texts_per_s) == (50, 150)
    assert result.latency_ms["p50"] == pytest.approx(1)
    assert result.latency_ms["max"] == pytest.approx(500)
    assert "2000 us" in result.to_text()
