"""When requests are computed together, and what each of them gets."""

import asyncio
import threading

import numpy as np
import pytest

from serving.server.status import Code, StatusError
from tests.support.serving.server.scheduling import (
    SLOW_S,
    Bench,
    Doubler,
    batching_config,
    rows_of,
)

pytestmark = pytest.mark.anyio


async def test_a_lone_request_does_not_wait() -> None:
    bench = Bench(batching_config())
    finished = await bench.ask(1, 2)
    assert (rows_of(finished), finished.batch_rows) == ([2, 4], 2)


async def test_what_waited_together_is_computed_together() -> None:
    bench = Bench(batching_config())
    blocker = await bench.hold()
    waiting = [bench.ask(1), bench.ask(2, 3)]
    await bench.queued()
    assert bench.scheduler.waiting == 2
    bench.servable.gate.set()
    first, second = await asyncio.gather(*waiting)
    assert (rows_of(first), rows_of(second)) == ([2], [4, 6])
    assert first.batch_rows == second.batch_rows == 3
    assert first.queue_s > 0
    await blocker
    assert bench.servable.batches == [[0], [1, 2, 3]]


async def test_a_request_without_rows_is_computed_alone() -> None:
    bench = Bench(batching_config(allowed_batch_sizes=(4,)))
    assert rows_of(await bench.ask()) == []
    assert bench.servable.batches == [[]]


async def test_a_request_without_rows_does_not_join_those_that_wait() -> None:
    bench = Bench(batching_config(allowed_batch_sizes=(4,)))
    await bench.hold()
    first, empty = bench.ask(1), bench.ask()
    await bench.queued()
    bench.servable.gate.set()
    assert rows_of(await first) == [2]
    assert rows_of(await empty) == []
    assert sorted(bench.servable.batches) == [[], [0] * 4, [1] * 4]


async def test_a_full_batch_leaves_the_rest_for_the_next() -> None:
    bench = Bench(batching_config())
    await bench.hold()
    waiting = [bench.ask(1, 1), bench.ask(2, 2, 2), bench.ask(3)]
    await bench.queued()
    bench.servable.gate.set()
    await asyncio.gather(*waiting)
    assert bench.servable.batches[1:] == [[1, 1], [2, 2, 2, 3]]


async def test_batches_are_padded_to_allowed_sizes_and_answers_are_not() -> None:
    bench = Bench(batching_config(allowed_batch_sizes=(4,)))
    finished = await bench.ask(7)
    assert bench.servable.batches == [[7, 7, 7, 7]]
    assert (rows_of(finished), finished.batch_rows) == ([14], 4)


async def test_with_a_timeout_the_first_request_waits_for_company() -> None:
    bench = Bench(batching_config(batch_timeout_micros=30_000))
    first, second = await asyncio.gather(bench.ask(1), bench.ask(2))
    assert bench.servable.batches == [[1, 2]]
    assert first.queue_s >= 0.025
    assert second.batch_rows == 2


async def test_a_full_batch_does_not_wait_for_the_timeout() -> None:
    bench = Bench(batching_config(batch_timeout_micros=SLOW_S * 1_000_000))
    async with asyncio.timeout(SLOW_S / 2):
        assert rows_of(await bench.ask(1, 2, 3, 4)) == [2, 4, 6, 8]


async def test_a_full_queue_answers_unavailable() -> None:
    bench = Bench(batching_config(max_enqueued_batches=1))
    await bench.hold()
    accepted = bench.ask(1, 1, 1)
    await bench.queued()
    with pytest.raises(StatusError) as caught:
        await bench.ask(2, 2)
    assert caught.value.code is Code.UNAVAILABLE
    assert caught.value.message.startswith(
        "The batch scheduling queue to which this task was submitted is full; "
    )
    bench.servable.gate.set()
    assert rows_of(await accepted) == [2, 2, 2]


async def test_a_request_that_is_too_big_is_refused_without_splitting() -> None:
    bench = Bench(batching_config(enable_large_batch_splitting=False))
    with pytest.raises(StatusError) as caught:
        await bench.ask(*range(5))
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert caught.value.message == (
        "Task size 5 is larger than maximum input batch size 4"
    )


async def test_a_request_that_is_too_big_is_split_and_keeps_its_order() -> None:
    bench = Bench(batching_config(max_enqueued_batches=2))
    finished = await bench.ask(*range(50))
    assert rows_of(finished) == [2 * x for x in range(50)]
    assert max(map(len, bench.servable.batches)) == 4


async def test_all_parts_of_a_request_are_computed_with_the_settings_it_met() -> None:
    bench = Bench(batching_config(max_enqueued_batches=2))
    blocker = await bench.hold()
    large = bench.ask(*range(50))
    await bench.queued()
    bench.servable.batching = batching_config(
        max_batch_size=2, enable_large_batch_splitting=False
    )
    bench.servable.gate.set()
    assert rows_of(await large) == [2 * x for x in range(50)]
    await blocker


async def test_a_split_request_fails_with_its_first_part_and_gives_the_rest_up() -> (
    None
):
    bench = Bench(batching_config(max_enqueued_batches=40))
    with pytest.raises(StatusError, match="negative"):
        await bench.ask(-1, *range(39))
    await bench.ask(1)
    assert len(bench.servable.batches) < 10


async def test_one_bad_request_does_not_fail_its_neighbours() -> None:
    bench = Bench(batching_config())
    await bench.hold()
    good, bad, other = bench.ask(1), bench.ask(-1), bench.ask(3)
    await bench.queued()
    bench.servable.gate.set()
    assert (rows_of(await good), rows_of(await other)) == ([2], [6])
    with pytest.raises(StatusError, match="negative"):
        await bad


async def test_rows_of_other_lengths_are_computed_apart() -> None:
    bench = Bench(batching_config())
    await bench.hold()
    short, long, third = bench.ask([1]), bench.ask([2, 2]), bench.ask([3])
    await bench.queued()
    bench.servable.gate.set()
    assert rows_of(await long) == [[4, 4]]
    assert (rows_of(await short), rows_of(await third)) == ([[2]], [[6]])
    assert bench.servable.batches[1:] == [[[1], [3]], [[2, 2]]]


async def test_rows_of_other_lengths_are_padded_when_the_file_says_so() -> None:
    bench = Bench(batching_config(pad_variable_length_inputs=True))
    await bench.hold()
    waiting = [bench.ask([1]), bench.ask([2, 3])]
    await bench.queued()
    bench.servable.gate.set()
    first, _ = await asyncio.gather(*waiting)
    assert bench.servable.batches[1:] == [[[1, 1], [2, 3]]]
    assert rows_of(first) == [[2, 2]]


async def test_a_request_whose_time_is_up_before_a_thread_is_free_has_none() -> None:
    bench = Bench(None, threads=1)
    await bench.hold()
    with pytest.raises(StatusError) as caught:
        await bench.ask(1, timeout_s=0.01)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    bench.servable.gate.set()


async def test_a_request_whose_time_is_up_in_the_queue_is_not_computed() -> None:
    bench = Bench(batching_config())
    blocker = await bench.hold()
    late = bench.ask(1, timeout_s=0.01)
    with pytest.raises(StatusError) as caught:
        await late
    bench.servable.gate.set()
    await blocker
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert caught.value.message == (
        "Run() timeout exceeded while waiting in batching queue"
    )
    assert bench.servable.batches == [[0]]


async def test_a_batch_has_the_time_of_its_most_patient_request() -> None:
    bench = Bench(batching_config())
    await bench.hold()
    waiting = [bench.ask(1, timeout_s=SLOW_S), bench.ask(2, timeout_s=3 * SLOW_S)]
    await bench.queued()
    bench.servable.gate.set()
    await asyncio.gather(*waiting)
    timeout_s = bench.servable.timeouts[1]
    assert timeout_s is not None
    assert 2 * SLOW_S < timeout_s <= 3 * SLOW_S


async def test_a_request_that_was_given_up_while_it_waited_is_not_computed() -> None:
    bench = Bench(batching_config())
    blocker = await bench.hold()
    gone = bench.ask(1)
    await bench.queued()
    gone.cancel()
    bench.servable.gate.set()
    await blocker
    assert rows_of(await bench.ask(2)) == [4]
    assert bench.servable.batches == [[0], [2]]


async def test_a_request_is_told_at_its_deadline_though_its_run_goes_on() -> None:
    bench = Bench(batching_config())
    running = await bench.hold(timeout_s=0.05)
    with pytest.raises(StatusError) as caught:
        await asyncio.wait_for(running, SLOW_S / 2)
    assert caught.value.code is Code.DEADLINE_EXCEEDED
    assert caught.value.message == "Timed out waiting for notification"
    assert bench.servable.batches == []
    bench.servable.gate.set()
    assert rows_of(await bench.ask(2)) == [4]
    assert bench.servable.batches == [[0], [2]]


async def test_a_run_that_was_given_up_keeps_its_model_until_it_ends() -> None:
    bench = Bench(batching_config())
    unloaded = threading.Event()
    with bench.version:
        running = await bench.hold()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    bench.version.begin_unloading()
    bench.version.call_when_idle(unloaded.set)
    assert not unloaded.is_set()
    bench.servable.gate.set()
    assert await asyncio.to_thread(unloaded.wait, SLOW_S)
    assert bench.servable.batches == [[0]]


async def test_without_batching_requests_run_alone_as_many_as_there_are_threads() -> (
    None
):
    bench = Bench(None, threads=2)
    bench.servable.gate.clear()
    waiting = [bench.ask(number) for number in range(5)]
    for _ in range(2):
        await asyncio.to_thread(bench.servable.started.acquire)
    bench.servable.gate.set()
    await asyncio.gather(*waiting)
    assert bench.servable.most_at_once == 2
    assert sorted(bench.servable.batches) == [[n] for n in range(5)]


async def test_models_that_share_the_threads_take_turns() -> None:
    bench = Bench(batching_config())
    other = Doubler(batching_config())
    other.batches = bench.servable.batches  # one list, in the order of the runs
    blocker = await bench.hold()
    waiting = [bench.ask(*[1] * 4) for _ in range(3)]
    run = bench.scheduler.run(other, "double", {"x": np.float32([9])}, ["y"])
    theirs = asyncio.create_task(run)
    await bench.queued()
    bench.servable.gate.set()
    await asyncio.gather(blocker, theirs, *waiting)
    assert other.batches == [[0], [1] * 4, [9], [1] * 4, [1] * 4]


async def test_nothing_is_kept_of_a_servable_that_is_idle() -> None:
    bench = Bench(batching_config())
    await bench.ask(1)
    await bench.queued()
    assert bench.scheduler.waiting == 0
    assert not bench.scheduler._queues
