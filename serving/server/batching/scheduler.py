"""Which requests are computed together, and when.

TensorFlow's batching kernel wants one blocked thread per waiting request; here a
waiting request is a future on the event loop, and one thread per running batch is
enough. It also tells how long each request waited and how large its batch was, and
keeps one bad request from failing its neighbours.
"""

import asyncio
import time
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent import futures

import numpy as np

from serving.server.batching import tensors
from serving.server.batching.config import BatchingConfig
from serving.server.batching.queue import (
    UNBATCHED,
    BatchQueue,
    Finished,
    QueueKey,
    Task,
    ThreadLane,
    compute,
)
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid_argument

MAX_THREADS = 1024
MIN_ROWS = 8
"""So many always. On a CPU the time a text takes hardly falls beyond them."""
BATCH_S = 0.01
"""More rows only while a batch stays below this: beyond it, more rows mostly mean more
padding, and everybody waits for the last."""
QUICK_ROW_S = 0.001
_NEWEST = 0.2

OnBatch = Callable[[Sequence[float], Sequence[int], int, str], None]


class BatchSizePolicy:
    """Says how many rows are worth computing together, by the time the last took.

    It keeps the seconds per row of every signature, as an average that forgets.
    """

    def __init__(self) -> None:
        self._row_s: weakref.WeakKeyDictionary[Servable, dict[str, float]] = (
            weakref.WeakKeyDictionary()
        )

    def rows(self, servable: Servable, signature_name: str) -> int:
        """Returns the rows that a batch should have, at most."""
        row_s = self._row_s.get(servable, {}).get(signature_name, 0.0)
        return max(MIN_ROWS, int(BATCH_S / row_s)) if row_s else MIN_ROWS

    def is_quick(self, servable: Servable, signature_name: str) -> bool:
        """Returns True when a request costs the server as much as the model."""
        row_s = self._row_s.get(servable, {}).get(signature_name, 0.0)
        return row_s < QUICK_ROW_S

    def record(
        self, servable: Servable, signature_name: str, rows: int, run_s: float
    ) -> None:
        """Takes note of a batch. Small ones say little: a run has its own cost."""
        if rows < MIN_ROWS // 2:
            return
        known = self._row_s.setdefault(servable, {})
        row_s = run_s / rows
        known[signature_name] = row_s * _NEWEST + (1 - _NEWEST) * known.get(
            signature_name, row_s
        )


class Scheduler:
    """Runs requests in threads, several in one run where the servable allows it.

    Its methods are called on one event loop, and nowhere else.

    Args:
        num_threads: how many requests run at a time for servables without batching.
        on_batch: hears of every batch: the seconds that each of its requests waited,
            their rows, the rows computed, and the name of the thread pool.
    """

    def __init__(self, num_threads: int, on_batch: OnBatch | None = None) -> None:
        self.waiting = 0
        self._num_threads = num_threads
        self._on_batch = on_batch
        # Threads come as they are needed; the lanes say how many may be.
        self._pool = futures.ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="run")
        self._queues: dict[QueueKey, BatchQueue] = {}
        self._sizes = BatchSizePolicy()
        self._lanes: dict[tuple[str, int], ThreadLane] = {}

    async def run(
        self,
        servable: Servable,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None = None,
        version: ServedVersion | None = None,
    ) -> Finished:
        """Computes the named outputs, or gives up when the time is over.

        A run cannot be stopped everywhere: it goes on when its requests are cancelled
        or have no time left, and holds the version until it ends.

        Raises:
            StatusError: the run failed, had no time left, or may not wait.
        """
        config = servable.batching
        if config is None or signature_name not in servable.batchable_signatures:
            config = UNBATCHED
        rows = 1 if config is UNBATCHED else tensors.count_rows(inputs)
        if not rows:  # Nothing to compute together, and nothing to pad with.
            config, rows = UNBATCHED, 1
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        # Settings may change while requests wait, and one without rows has its own.
        key = (id(servable), signature_name, tuple(outputs), id(config))

        async def run_part(part: Mapping[str, np.ndarray], rows: int) -> Finished:
            queue = self._queue(key, servable, config, version)
            task = self._submit(queue, part, rows, deadline_s)
            try:
                return await task.future
            finally:
                task.stop_timer()

        if rows > config.largest_batch:
            return await _run_split(run_part, config, inputs)
        return await run_part(inputs, rows)

    def close(self) -> None:
        """No more runs; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _queue(
        self,
        key: QueueKey,
        servable: Servable,
        config: BatchingConfig,
        version: ServedVersion | None,
    ) -> BatchQueue:
        """Returns the queue of this kind of request, with those that came before."""
        queue = self._queues.get(key)
        if queue is None:
            queue = BatchQueue(key, servable, config, self._lane(config), version)
        return queue

    def _lane(self, config: BatchingConfig) -> ThreadLane:
        threads, name = self._num_threads, ""
        if config is not UNBATCHED:
            # Settings may change while old batches run: then another lane begins.
            threads, name = config.threads, f"batch {config.thread_pool_name}"
        lane = self._lanes.get((name, threads))
        if lane is None:
            lane = self._lanes[name, threads] = ThreadLane(idle=threads)
        return lane

    def _submit(
        self,
        queue: BatchQueue,
        inputs: Mapping[str, np.ndarray],
        rows: int,
        deadline_s: float | None,
    ) -> Task:
        loop = asyncio.get_running_loop()
        is_batched = queue.config is not UNBATCHED
        task = Task(
            inputs,
            rows,
            deadline_s,
            loop.create_future(),
            enqueued_s=time.monotonic(),
            is_batched=is_batched,
            text_bytes=tensors.text_bytes(inputs) if is_batched else None,
        )
        # Kept only once somebody waits in it: it holds the servable.
        self._queues[queue.key] = queue
        queue.add(task)
        self.waiting += 1
        if len(queue.tasks) == 1:
            queue.lane.ready.append(queue)
        self._start(queue.lane)
        if deadline_s is not None:
            task.timer = loop.call_later(deadline_s - task.enqueued_s, task.expire)
        return task

    def _start(self, lane: ThreadLane) -> None:
        """Starts as many batches as there are threads and requests for."""
        now_s = time.monotonic()
        for _ in range(len(lane.ready)):
            if not lane.idle:
                return
            queue = lane.ready.popleft()
            wait_s = queue.waits_s(now_s)
            if wait_s <= 0 and not self._waits_for_batch(queue):
                self._start_batch(queue, now_s)
            elif wait_s > 0 and not queue.has_timer:
                queue.has_timer = True
                asyncio.get_running_loop().call_later(wait_s, self._start_late, queue)
            if queue.tasks:
                lane.ready.append(queue)
            else:
                self._queues.pop(queue.key, None)
        if lane.idle and lane.ready and any(self._is_due(q, now_s) for q in lane.ready):
            self._start(lane)

    def _is_due(self, queue: BatchQueue, now_s: float) -> bool:
        return queue.waits_s(now_s) <= 0 and not self._waits_for_batch(queue)

    def _waits_for_batch(self, queue: BatchQueue) -> bool:
        """Returns True where a second batch would only take the connections' core.

        The batch under way starts the next one when it ends.
        """
        if queue.config is UNBATCHED or not queue.lane.running[id(queue.servable)]:
            return False
        return self._sizes.is_quick(queue.servable, queue.signature_name)

    def _start_late(self, queue: BatchQueue) -> None:
        queue.has_timer = False
        self._start(queue.lane)

    def _start_batch(self, queue: BatchQueue, now_s: float) -> None:
        limit_rows = queue.config.largest_batch
        # Sizes that are given were chosen, by somebody who knows the hardware.
        if not queue.config.allowed_batch_sizes:
            best_rows = self._sizes.rows(queue.servable, queue.signature_name)
            limit_rows = min(limit_rows, best_rows)
        before = len(queue.tasks)
        batch = queue.take(now_s, limit_rows)
        self.waiting -= before - len(queue.tasks)
        if not batch:
            return
        queue.lane.idle -= 1
        queue.lane.running[id(queue.servable)] += 1
        for task in batch:
            task.started_s = now_s
        if queue.version is not None:
            queue.version.hold()
        self._pool.submit(self._work, asyncio.get_running_loop(), queue, batch)

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        queue: BatchQueue,
        batch: list[Task],
    ) -> None:
        """In a thread: computes, and brings all results back to the loop at once."""
        try:
            results = compute(queue, batch)
        finally:
            if queue.version is not None:
                queue.version.release()
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._finish, queue, batch, results)

    def _finish(
        self,
        queue: BatchQueue,
        batch: list[Task],
        results: list[Finished | StatusError],
    ) -> None:
        lane, servable_id = queue.lane, id(queue.servable)
        lane.idle += 1
        lane.running[servable_id] -= 1
        if not lane.running[servable_id]:
            del lane.running[servable_id]
        if queue.config is not UNBATCHED:
            self._note(queue, batch, results)
        for task, result in zip(batch, results, strict=True):
            task.give(result)
        self._start(lane)

    def _note(
        self,
        queue: BatchQueue,
        batch: list[Task],
        results: list[Finished | StatusError],
    ) -> None:
        rows = [task.rows for task in batch]
        executed = sum(rows)
        if queue.config.allowed_batch_sizes:
            executed = queue.config.padded_size(executed)
        first = results[0]
        if isinstance(first, Finished) and first.batch_rows == executed:
            self._sizes.record(
                queue.servable, queue.signature_name, executed, first.run_s
            )
        if self._on_batch is not None:
            waited_s = [task.started_s - task.enqueued_s for task in batch]
            name = queue.config.thread_pool_name
            self._on_batch(waited_s, rows, executed, name)


async def _run_split(
    run_part: Callable[[Mapping[str, np.ndarray], int], Awaitable[Finished]],
    config: BatchingConfig,
    inputs: Mapping[str, np.ndarray],
) -> Finished:
    """Gathers the results of a request too large for one batch, part by part."""
    if not config.enable_large_batch_splitting:
        raise invalid_argument(
            f"Task size {tensors.count_rows(inputs)} is larger than maximum input "
            f"batch size {config.max_batch_size}"
        )
    # Some parts at a time, so that one large request does not fill the queue.
    at_once = asyncio.Semaphore(max(1, config.max_enqueued_batches // 2))

    async def run_in_turn(part: Mapping[str, np.ndarray]) -> Finished:
        async with at_once:
            return await run_part(part, tensors.count_rows(part))

    parts = tensors.split(inputs, config.largest_batch)
    runs = [asyncio.ensure_future(run_in_turn(part)) for part in parts]
    try:
        done = await asyncio.gather(*runs)
    finally:
        for one in runs:
            one.cancel()
    return Finished(
        tensors.join([one.outputs for one in done]),
        max(one.queue_s for one in done),
        sum(one.run_s for one in done),
        max(one.batch_rows for one in done),
    )
