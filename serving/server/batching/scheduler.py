"""Which requests are computed together, and when.

TensorFlow's batching kernel wants one blocked thread per waiting request; here a
waiting request is a future on the event loop, and one thread per running batch is
enough. It also tells how long each request waited and how large its batch was, and
keeps one bad request from failing its neighbours.
"""

import asyncio
import collections
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent import futures

import numpy as np

from serving.server.batching import tensors
from serving.server.batching.config import BatchingConfig
from serving.server.batching.pace import BatchPace
from serving.server.batching.queue import (
    UNBATCHED,
    BatchQueue,
    Finished,
    Held,
    Task,
    compute,
)
from serving.server.servable import Servable
from serving.server.status import StatusError, invalid_argument

MAX_THREADS = 1024

OnBatch = Callable[[Sequence[float], Sequence[int], int, str], None]


@dataclasses.dataclass(slots=True)
class _Lane:
    """Threads that some queues share, served in turn."""

    idle: int
    running: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    """Batches under way, by the `id` of their servable."""
    ready: collections.deque[BatchQueue] = dataclasses.field(
        default_factory=collections.deque
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
        self._queues: dict[tuple[int, str, tuple[str, ...], int], BatchQueue] = {}
        self._pace = BatchPace()
        self._lanes: dict[tuple[str, int], _Lane] = {}

    async def run(
        self,
        servable: Servable,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None = None,
        version: Held | None = None,
    ) -> Finished:
        """The named outputs, or an error when the time is over.

        A run cannot be stopped everywhere: it goes on when its requests are cancelled
        or have no time left, and holds the version until it ends.

        Raises:
            StatusError: the run failed, had no time left, or may not wait.
        """
        config = _config_of(servable, signature_name)
        deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        rows = 1 if config is UNBATCHED else tensors.count_rows(inputs)
        if not rows:  # Nothing to compute together, and nothing to pad with.
            config, rows = UNBATCHED, 1
        queue = BatchQueue(servable, signature_name, tuple(outputs), config, version)
        if config is UNBATCHED or rows <= config.largest_batch:
            return await self._submit(queue, inputs, rows, deadline_s)
        if not config.enable_large_batch_splitting:
            raise invalid_argument(
                f"Task size {rows} is larger than maximum input batch size "
                f"{config.max_batch_size}"
            )
        return await self._submit_split(queue, inputs, deadline_s)

    def close(self) -> None:
        """No more runs; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _submit_split(
        self,
        queue: BatchQueue,
        inputs: Mapping[str, np.ndarray],
        deadline_s: float | None,
    ) -> Finished:
        size = queue.config.largest_batch
        # Some parts at a time, so that one large request does not fill the queue.
        at_once = asyncio.Semaphore(max(1, queue.config.max_enqueued_batches // 2))

        async def submit(part: Mapping[str, np.ndarray]) -> Finished:
            async with at_once:
                rows = tensors.count_rows(part)
                return await self._submit(queue, part, rows, deadline_s)

        parts = tensors.split(inputs, size)
        tasks = [asyncio.ensure_future(submit(part)) for part in parts]
        try:
            done = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return Finished(
            tensors.join([one.outputs for one in done]),
            max(one.queue_s for one in done),
            sum(one.run_s for one in done),
            max(one.batch_rows for one in done),
        )

    async def _submit(
        self,
        queue: BatchQueue,
        inputs: Mapping[str, np.ndarray],
        rows: int,
        deadline_s: float | None,
    ) -> Finished:
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
        # Requests that came before wait in a queue of their own, if any do.
        queue = self._queues.setdefault(queue.key, queue)
        queue.add(task)
        self.waiting += 1
        lane = self._lane(queue.config)
        if len(queue.tasks) == 1:
            lane.ready.append(queue)
        self._start(lane)
        if deadline_s is None:
            return await task.future
        timer = loop.call_later(deadline_s - task.enqueued_s, task.expire)
        try:
            return await task.future
        finally:
            timer.cancel()

    def _lane(self, config: BatchingConfig) -> _Lane:
        threads, name = self._num_threads, ""
        if config is not UNBATCHED:
            # Settings may change while old batches run: then another lane begins.
            threads, name = config.threads, f"batch {config.thread_pool_name}"
        key = (name, threads)
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = _Lane(idle=threads)
        return lane

    def _start(self, lane: _Lane) -> None:
        """Starts as many batches as there are threads and requests for."""
        now_s = time.monotonic()
        for _ in range(len(lane.ready)):
            if not lane.idle:
                return
            queue = lane.ready.popleft()
            wait_s = queue.waits_s(now_s)
            if self._is_due(lane, queue, now_s):
                queue.best_rows = self._pace.rows(queue.servable, queue.signature_name)
                self._start_batch(lane, queue, now_s)
            elif wait_s > 0 and not queue.has_timer:
                queue.has_timer = True
                asyncio.get_running_loop().call_later(
                    wait_s, self._start_late, lane, queue
                )
            if queue.tasks:
                lane.ready.append(queue)
            else:
                self._queues.pop(queue.key, None)
        if lane.idle and any(self._is_due(lane, one, now_s) for one in lane.ready):
            self._start(lane)

    def _is_due(self, lane: _Lane, queue: BatchQueue, now_s: float) -> bool:
        return queue.waits_s(now_s) <= 0 and not self._waits_for_batch(lane, queue)

    def _waits_for_batch(self, lane: _Lane, queue: BatchQueue) -> bool:
        """True where a second batch at a time would only take the connections' core.

        The batch under way starts the next one when it ends.
        """
        if queue.config is UNBATCHED or not lane.running[id(queue.servable)]:
            return False
        return self._pace.is_quick(queue.servable, queue.signature_name)

    def _start_late(self, lane: _Lane, queue: BatchQueue) -> None:
        queue.has_timer = False
        self._start(lane)

    def _start_batch(self, lane: _Lane, queue: BatchQueue, now_s: float) -> None:
        before = len(queue.tasks)
        batch = queue.take(now_s)
        self.waiting -= before - len(queue.tasks)
        if not batch:
            return
        lane.idle -= 1
        lane.running[id(queue.servable)] += 1
        for task in batch:
            task.started_s = now_s
        if queue.version is not None:
            queue.version.hold()
        loop = asyncio.get_running_loop()
        self._pool.submit(self._work, loop, lane, queue, batch)

    def _work(
        self,
        loop: asyncio.AbstractEventLoop,
        lane: _Lane,
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
            loop.call_soon_threadsafe(self._finish, lane, queue, batch, results)

    def _finish(
        self,
        lane: _Lane,
        queue: BatchQueue,
        batch: list[Task],
        results: list[Finished | StatusError],
    ) -> None:
        lane.idle += 1
        lane.running -= collections.Counter([id(queue.servable)])
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
        executed = queue.config.padded_size(sum(rows))
        first = results[0]
        if isinstance(first, Finished) and first.batch_rows == executed:
            self._pace.record(
                queue.servable, queue.signature_name, executed, first.run_s
            )
        if self._on_batch is not None:
            waited_s = [task.started_s - task.enqueued_s for task in batch]
            name = queue.config.thread_pool_name
            self._on_batch(waited_s, rows, executed, name)


def _config_of(servable: Servable, signature_name: str) -> BatchingConfig:
    config = servable.batching
    if config is None or signature_name not in servable.batchable_signatures:
        return UNBATCHED
    return config
