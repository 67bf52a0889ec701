"""What the benchmarks conclude from their measurements."""

import json
import pathlib
import threading
import time
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from benchmarks import drain
from benchmarks.harness import plot, serving_report
from benchmarks.harness.background import Failure
from benchmarks.harness.in_process import DirectCalls, measure
from benchmarks.harness.placement import Placement
from benchmarks.harness.side_by_side import SideBySide, median_result
from benchmarks.harness.targets import targets
from benchmarks.load.rest_sender import CLOSED, REFUSED
from benchmarks.swaps import growth_of

SHARED = Placement(name="shared", server=frozenset({0, 1}), client=frozenset({0, 1}))
PINNED = Placement(name="pinned", server=frozenset({0}), client=frozenset({1}))


def calls(**values: Any) -> DirectCalls:
    one = {"rows": 1, "threads": 1, "texts_per_s": 1000.0, "cpu_us_per_text": 1000.0}
    return DirectCalls(**{**one, "p50_ms": 1.0, "p99_ms": 2.0, **values})


def run(transport: str, clients: int, p50_ms: float, rate: float) -> dict[str, Any]:
    percentiles = {"p50": 1, "p95": 2, "p99": 3, "max": 9}
    return {
        "transport": transport,
        "clients": clients,
        "rate": None,
        "requests_per_s": rate,
        "texts_per_s": rate,
        "latency_ms": {name: p50_ms * ratio for name, ratio in percentiles.items()},
        "client_cpu_us": 100.0,
        "server_cpu_us": 400.0,
        "mean_batch_size": None,
        "errors": {},
        "error_examples": {},
        "not_sent": 0,
    }


def side_by_side(placement: Placement, *closed: dict[str, Any]) -> SideBySide:
    best = calls(rows=64, threads=2, texts_per_s=5000.0, cpu_us_per_text=390.0)
    return SideBySide(
        placement=placement,
        single=calls(),
        best=best,
        direct=(best,),
        closed=closed,
        swept=closed,
    )


def test_on_shared_cores_the_clients_time_comes_out_of_the_same_pot():
    shared, pinned = side_by_side(SHARED), side_by_side(PINNED)
    assert shared.fair_share(110) == pytest.approx(2e6 / (390 + 110))
    # On its own core the client limits only what it cannot send itself.
    assert pinned.fair_share(110) == 5000
    assert pinned.fair_share(400) == 2500


def test_promises_are_judged_by_their_limits():
    result = side_by_side(
        PINNED,
        run("grpc", 1, 2.1, 480),
        run("grpc", 64, 8, 4600),
        run("rest", 1, 3.1, 320),
    )
    judged = {target.name: target for target in targets(result)}
    assert judged["grpc, 1 client: p50"].is_met  # 2.1 <= 1.15 * 1 + 1
    assert not judged["rest, 1 client: p50"].is_met  # 3.1 > 1 + 2
    assert judged["grpc, 64 clients: share of the in-process limit"].is_met
    assert not judged["grpc, 64 clients: p99, 10 x one request"].is_met  # 24 > 21
    assert "MISSED" in judged["rest, 1 client: p50"].to_text()


def test_rounds_become_medians_and_errors_sums():
    runs = [run("grpc", 1, p50, 10 * p50) for p50 in (1, 9, 2)]
    runs[0]["errors"], runs[2]["errors"] = {"INTERNAL": 2}, {"INTERNAL": 1}
    merged = median_result(runs)
    assert merged["latency_ms"]["p50"] == 2
    assert merged["requests_per_s"] == 20
    assert merged["errors"] == {"INTERNAL": 3}


def test_the_page_shows_table_promises_and_a_picture_that_is_xml():
    result = side_by_side(SHARED, run("grpc", 1, 2, 400), run("grpc", 64, 8, 3600))
    page = serving_report.page([result], {"model": "<mine>", "cores": 2})
    assert "&lt;mine&gt;" in page
    assert "gRPC, 64 clients" in page
    picture = ET.fromstring(serving_report.chart(result, "<mine>"))
    written = [element.text for element in picture.iter() if element.text]
    assert "in-process limit 5,000" in written
    assert "gRPC p99" in written


def test_a_logarithmic_axis_puts_equal_ratios_at_equal_distances():
    axis = plot.log_axis("ms", [0.7, 42])
    assert (axis.low, axis.high) == (0.5, 50)
    assert axis.ticks == (0.5, 1, 2, 5, 10, 20, 50)
    assert axis.share(5) == pytest.approx(0.5)
    assert plot.linear_axis("n", [0, 130]).ticks == (0, 50, 100, 150)


@pytest.mark.parametrize(
    ("transport", "kind", "detail", "refused"),
    [
        ("rest", REFUSED, "[Errno 111]", True),
        ("rest", "HTTP 503", "shutting down", True),
        ("rest", CLOSED, "by the server, before it answered", False),
        ("grpc", "UNAVAILABLE", "ipv4:127.0.0.1: Connection refused (111)", True),
        ("grpc", "UNAVAILABLE", "GOAWAY received; Error code: 0", True),
        ("grpc", "UNAVAILABLE", "The server is shutting down.", True),
        ("grpc", "UNAVAILABLE", "Socket closed", False),
        ("grpc", "UNAVAILABLE", "recvmsg:Connection reset by peer", False),
        ("grpc", "CANCELLED", "CANCELLED", False),
    ],
)
def test_only_what_the_client_can_know_was_not_accepted_is_refused(
    transport: str, kind: str, detail: str, refused: bool
):
    failure = Failure(transport, kind, detail, 0.0)
    assert drain.is_refusal(failure) is refused


def test_lost_is_what_the_server_says_it_answered_and_nobody_got(
    tmp_path: pathlib.Path,
):
    lines = [("Predict", "GRPC", "OK")] * 5 + [("predict", "REST", "OK")] * 2
    lines += [("Predict", "GRPC", "CANCELLED"), ("GetModelStatus", "GRPC", "OK")]
    path = tmp_path / "access.log"
    fields = ("api", "entrypoint", "status")
    rows = (json.dumps(dict(zip(fields, line, strict=True))) for line in lines)
    path.write_text("\n".join(rows))
    logged = drain.read_access_log(path)
    closed = [Failure("grpc", "UNAVAILABLE", "Socket closed", 0.0)] * 3
    assert drain.sort_out("grpc", 4, closed, logged).lost == 1
    assert drain.sort_out("rest", 2, closed, logged).lost == 0
    # Without the server's account, the worst is assumed.
    assert drain.sort_out("grpc", 4, closed, None).lost == 3


def test_memory_is_compared_after_the_warm_up():
    filling = [100.0, 150.0, *[200.0] * 9, *[204.0] * 9]
    assert growth_of(filling) == pytest.approx(0.02)


def test_direct_calls_are_timed_in_all_threads_over_all_texts():
    seen: set[tuple[str, ...]] = set()
    lock, at_once, most = threading.Lock(), 0, 0

    def call(batch: list[str]) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        seen.add(tuple(batch))
        time.sleep(0.01)
        with lock:
            at_once -= 1

    result = measure(call, list("abcd"), rows=2, threads=2, seconds=0.2)
    assert seen == {("a", "b"), ("c", "d")}
    assert most == 2
    assert 0 < result.texts_per_s <= 2 * 2 / 0.01
    assert result.p50_ms >= 10
