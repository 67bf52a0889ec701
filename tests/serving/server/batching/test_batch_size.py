"""How many rows go together follows from how long they take."""

import asyncio
import gc

import numpy as np
import pytest

from serving.server.batching.scheduler import BATCH_S, MIN_ROWS, BatchSizePolicy
from tests.support.serving.server.scheduling import (
    SLOW_S,
    Bench,
    Doubler,
    batching_config,
    rows_of,
)


def _servable() -> Doubler:
    return Doubler(batching_config())


@pytest.mark.parametrize(
    "row_s, rows", [(BATCH_S / 32, 32), (BATCH_S / 4, MIN_ROWS), (BATCH_S, MIN_ROWS)]
)
def test_a_batch_grows_while_it_is_quick(row_s: float, rows: int) -> None:
    policy, servable = BatchSizePolicy(), _servable()
    assert policy.rows(servable, "s") == MIN_ROWS
    for _ in range(50):
        policy.record(servable, "s", 8, 8 * row_s)
    assert policy.rows(servable, "s") == pytest.approx(rows, abs=1)
    assert policy.rows(servable, "other") == MIN_ROWS


def test_a_run_of_few_rows_says_nothing_of_many() -> None:
    policy, servable = BatchSizePolicy(), _servable()
    policy.record(servable, "s", 8, 8 * BATCH_S / 100)
    before = policy.rows(servable, "s")
    policy.record(servable, "s", 1, BATCH_S)
    assert policy.rows(servable, "s") == before > MIN_ROWS


def test_one_slow_batch_does_not_decide() -> None:
    policy, servable = BatchSizePolicy(), _servable()
    for _ in range(20):
        policy.record(servable, "s", 32, BATCH_S)
    policy.record(servable, "s", 32, 2 * BATCH_S)
    assert 20 < policy.rows(servable, "s") < 32


def test_nothing_is_kept_of_a_servable_that_is_gone() -> None:
    policy, servable = BatchSizePolicy(), _servable()
    policy.record(servable, "s", 8, 0.001)
    assert len(policy._row_s) == 1
    del servable
    gc.collect()
    assert len(policy._row_s) == 0


@pytest.mark.anyio
async def test_a_quick_model_leaves_a_core_to_the_connections() -> None:
    bench = Bench(batching_config(num_batch_threads=2))
    await bench.hold()
    waiting = bench.ask(1)
    await bench.queued()
    assert bench.scheduler.waiting == 1
    bench.servable.gate.set()
    assert rows_of(await waiting) == [2]
    assert bench.servable.most_at_once == 1


@pytest.mark.anyio
async def test_a_slow_model_is_computed_in_all_batch_threads() -> None:
    bench = Bench(batching_config(num_batch_threads=2))
    bench.scheduler._sizes.record(bench.servable, "double", 8, run_s=1.0)
    await bench.hold()
    second = bench.ask(1)
    await asyncio.to_thread(bench.servable.started.acquire)
    assert bench.scheduler.waiting == 0
    bench.servable.gate.set()
    assert rows_of(await second) == [2]
    assert bench.servable.most_at_once == 2


@pytest.mark.anyio
async def test_a_quick_model_does_not_wait_for_another_model_s_batch() -> None:
    bench = Bench(batching_config(num_batch_threads=2))
    await bench.hold()
    quick = Doubler(batching_config(num_batch_threads=2))
    run = bench.scheduler.run(quick, "double", {"x": np.float32([4])}, ["y"])
    async with asyncio.timeout(SLOW_S):
        assert rows_of(await run) == [8]
    bench.servable.gate.set()
