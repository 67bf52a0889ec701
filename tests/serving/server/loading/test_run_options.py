"""Which runs stay in the calling thread, and how their time limit is told."""

import pytest

from serving.client import protos
from serving.server.loading import run_options
from serving.server.loading.run_options import (
    INLINE_LIMIT_S,
    RUNS_BEFORE_INLINE,
    InlinePolicy,
)

QUICK_S = INLINE_LIMIT_S / 2


def _policy_after(*runs_s: float, is_bounded: bool = True) -> InlinePolicy:
    policy = InlinePolicy(is_bounded=is_bounded)
    for run_s in runs_s:
        policy.record(run_s)
    return policy


def test_only_signatures_that_have_just_been_quick_run_inline() -> None:
    quick = [QUICK_S] * RUNS_BEFORE_INLINE
    assert _policy_after(*quick).is_inline
    assert not _policy_after(*quick[1:]).is_inline
    assert not _policy_after(*quick, 2 * INLINE_LIMIT_S, QUICK_S).is_inline


def test_what_may_loop_never_runs_inline() -> None:
    quick = [QUICK_S] * (RUNS_BEFORE_INLINE + 1)
    assert not _policy_after(*quick, is_bounded=False).is_inline


def _graph() -> object:
    """`plain` and `looping`, each calling a function; only one has a loop inside."""
    graph = protos.MetaGraphDef().graph_def
    graph.node.add(name="x", op="Placeholder")
    for name in ("plain", "looping"):
        function = graph.library.function.add()
        function.signature.name = f"{name}_body"
        inner = function.node_def.add(name="inner", op="PartitionedCall")
        inner.attr["f"].func.name = f"{name}_inner"
        deep = graph.library.function.add()
        deep.signature.name = f"{name}_inner"
        deep.node_def.add(name="n", op="StatelessWhile" if name == "looping" else "Add")
        call = graph.node.add(name=name, op="PartitionedCall", input=["x", "^x"])
        call.attr["f"].func.name = f"{name}_body"
        graph.node.add(name=f"{name}_out", op="Identity", input=[f"{name}:0"])
    return graph


@pytest.mark.parametrize(
    "outputs, expected",
    [(["plain_out:0"], True), (["looping_out:0"], False), (["x:0", "looping"], False)],
)
def test_a_loop_is_found_in_functions_of_functions(
    outputs: list[str], expected: bool
) -> None:
    assert run_options.is_bounded(_graph(), outputs) is expected


@pytest.mark.parametrize("timeout_ms", [1, 63, 64, 1001, 29_998, 30_000, 3_600_000])
def test_a_time_limit_is_rounded_up_by_three_percent_at_most(timeout_ms: int) -> None:
    rounded = run_options.rounded_up(timeout_ms)
    assert timeout_ms <= rounded <= timeout_ms * 1.0313


def test_there_are_few_different_time_limits() -> None:
    day_ms = 24 * 3600 * 1000
    limits = {run_options.rounded_up(value) for value in range(1, day_ms, 997)}
    assert len(limits) < 1000
