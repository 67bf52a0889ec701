"""Requests that may be computed together, and the run that does it."""

import asyncio
import collections
import dataclasses
import math
import time
from collections.abc import Mapping

import numpy as np

from serving.server.batching import tensors
from serving.server.batching.config import BatchingConfig
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable
from serving.server.status import Code, StatusError, from_exception

MAX_WAITING = 10_000
LOOK_AHEAD = 512
UNBATCHED = BatchingConfig(max_batch_size=1, max_enqueued_batches=MAX_WAITING)
# After these an attempt alone would meet the same fate, or comes too late.
_SHARED_FATE = {Code.CANCELLED, Code.DEADLINE_EXCEEDED, Code.UNAVAILABLE}

Outputs = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """Results, seconds waited and computed, and the rows computed together."""

    outputs: Outputs
    queue_s: float
    run_s: float
    batch_rows: int


@dataclasses.dataclass(slots=True, eq=False)
class Task:
    """One waiting request, or a part of a large one.

    `text_bytes` is the mean length of its strings, None where there are none.
    """

    inputs: Mapping[str, np.ndarray]
    rows: int
    deadline_s: float | None
    future: asyncio.Future[Finished]
    enqueued_s: float
    is_batched: bool = True
    text_bytes: float | None = None
    started_s: float = 0.0
    timer: asyncio.TimerHandle | None = None

    def give(self, result: Finished | StatusError) -> None:
        """Ends the request, unless its client has gone or its time was up."""
        if self.future.done():
            return
        if isinstance(result, StatusError):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)

    def stop_timer(self) -> None:
        """Forgets the deadline: nobody waits any more."""
        if self.timer is not None:
            self.timer.cancel()

    def expire(self) -> None:
        """Ends the request at its deadline; a run that has begun goes on unseen.

        The words are those of TensorFlow's session and of its batching queue.
        """
        if self.is_batched and not self.started_s:
            text = "Run() timeout exceeded while waiting in batching queue"
            self.give(StatusError(Code.RESOURCE_EXHAUSTED, text))
        else:
            text = "Timed out waiting for notification"
            self.give(StatusError(Code.DEADLINE_EXCEEDED, text))


@dataclasses.dataclass(slots=True)
class ThreadLane:
    """Threads that some queues share, served in turn."""

    idle: int
    running: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    """Batches under way, by the `id` of their servable."""
    ready: collections.deque["BatchQueue"] = dataclasses.field(
        default_factory=collections.deque
    )


QueueKey = tuple[int, str, tuple[str, ...], int]
"""The `id` of the servable, signature and outputs, the `id` of the settings."""


class BatchQueue:
    """Requests for the same outputs of the same signature, oldest first.

    Args:
        key: what they have in common.
        servable: what computes them.
        config: the settings by which they are computed together.
        lane: the threads that compute them.
        version: stays loaded while a batch runs.
    """

    def __init__(
        self,
        key: QueueKey,
        servable: Servable,
        config: BatchingConfig,
        lane: ThreadLane,
        version: ServedVersion | None,
    ) -> None:
        self.key = key
        _, self.signature_name, self.outputs, _ = key
        self.version = version
        self.servable = servable
        self.config = config
        self.lane = lane
        self.tasks: collections.deque[Task] = collections.deque()
        self.rows = 0
        self.has_timer = False

    def add(self, task: Task) -> None:
        """Appends a request.

        Raises:
            StatusError: UNAVAILABLE, so many are waiting that it must go elsewhere.
        """
        config = self.config
        batches = math.ceil((self.rows + task.rows) / config.largest_batch)
        if self.tasks and batches > config.max_enqueued_batches:
            raise StatusError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; "
                f"currently {batches - 1} batches enqueued and max_enqueued_batches is "
                f"{config.max_enqueued_batches}",
            )
        self.tasks.append(task)
        self.rows += task.rows

    def waits_s(self, now_s: float) -> float:
        """Says how long the first request still waits for company; 0 or less: not."""
        timeout_s = self.config.batch_timeout_micros / 1e6
        if not timeout_s or self.rows >= self.config.largest_batch:
            return 0.0
        return self.tasks[0].enqueued_s + timeout_s - now_s

    def take(self, now_s: float, limit_rows: int) -> list[Task]:
        """Takes the next batch: the first request, and the best company for it.

        Texts are made equally long to be computed together, so they go with those of
        about their length; nobody is passed over when it is the first. Requests that
        nobody waits for any more are dropped.
        """
        window = self._pop_wanted(now_s)
        if len(window) < 2:
            return window
        batch: list[Task] = []
        rows = 0
        for task in _by_company(window):
            if batch and rows + task.rows > limit_rows:
                break
            if not batch or self._fits(batch[0], task):
                batch.append(task)
                rows += task.rows
        taken = set(map(id, batch))
        left = [task for task in window if id(task) not in taken]
        self.tasks.extendleft(reversed(left))
        self.rows += sum(task.rows for task in left)
        return batch

    def _pop_wanted(self, now_s: float) -> list[Task]:
        """Takes the first requests that somebody waits for, to choose from."""
        count = 1 if self.config.largest_batch == 1 else LOOK_AHEAD
        wanted: list[Task] = []
        while self.tasks and len(wanted) < count:
            task = self.tasks.popleft()
            self.rows -= task.rows
            if self._is_wanted(task, now_s):
                wanted.append(task)
        return wanted

    def _fits(self, first: Task, task: Task) -> bool:
        if self.config.pad_variable_length_inputs:
            return True
        return tensors.row_shapes(first.inputs) == tensors.row_shapes(task.inputs)

    def _is_wanted(self, task: Task, now_s: float) -> bool:
        if task.future.done():
            return False
        if task.deadline_s is None or task.deadline_s > now_s:
            return True
        task.expire()
        return False


def _by_company(window: list[Task]) -> list[Task]:
    """Returns the first request, then those whose texts are most alike in length."""
    if window[0].text_bytes is None:
        return window
    first, wanted = window[0], window[0].text_bytes
    others = sorted(window[1:], key=lambda one: abs((one.text_bytes or 0) - wanted))
    return [first, *others]


def compute(queue: BatchQueue, batch: list[Task]) -> list[Finished | StatusError]:
    """Computes each request's result; when the batch fails, each is tried alone."""
    started_s = time.monotonic()
    try:
        return _run(queue, batch, started_s)
    except Exception as error:  # noqa: BLE001  a bad request must not crash
        status = from_exception(error)
    if len(batch) == 1 or status.code in _SHARED_FATE:
        return [status] * len(batch)
    alone: list[Finished | StatusError] = []
    for task in batch:
        try:
            alone += _run(queue, [task], started_s)
        except Exception as error:  # noqa: BLE001
            alone.append(from_exception(error))
    return alone


def _run(
    queue: BatchQueue, batch: list[Task], started_s: float
) -> list[Finished | StatusError]:
    config, timeout_s = queue.config, _time_left(batch, started_s)
    run, name = queue.servable.run, queue.signature_name
    if config is UNBATCHED:
        found = run(name, batch[0].inputs, queue.outputs, timeout_s)
        run_s = time.monotonic() - started_s
        return [Finished(found, started_s - batch[0].enqueued_s, run_s, 0)]
    counts = [task.rows for task in batch]
    size = sum(counts)
    if config.allowed_batch_sizes:
        size = config.padded_size(size)
    inputs = tensors.merge(
        [task.inputs for task in batch],
        pad_lengths=config.pad_variable_length_inputs,
        size=size,
    )
    found = run(name, inputs, queue.outputs, timeout_s)
    run_s = time.monotonic() - started_s
    parts = tensors.divide(found, counts, size)
    return [
        Finished(part, started_s - task.enqueued_s, run_s, size)
        for task, part in zip(batch, parts, strict=True)
    ]


def _time_left(batch: list[Task], now_s: float) -> float | None:
    """Returns the time that the most patient request has left; None without a limit."""
    latest_s = now_s
    for task in batch:
        if task.deadline_s is None:
            return None
        latest_s = max(latest_s, task.deadline_s)
    return max(0.001, latest_s - now_s)
