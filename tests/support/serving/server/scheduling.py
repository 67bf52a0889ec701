"""A scheduler and a servable whose runs a test can hold up."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.server.batching.config import BatchingConfig
from serving.server.batching.scheduler import Finished, Scheduler
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable
from serving.server.status import invalid_argument

SLOW_S = 10


class Doubler(Servable):
    """Doubles `x`; waits at a gate, and fails for negative numbers."""

    batchable_signatures = frozenset({"double"})
    signatures: Mapping[str, Any] = {}

    def __init__(self, config: BatchingConfig | None) -> None:
        self.batching = config
        self.batches: list[list[Any]] = []
        self.timeouts: list[float | None] = []
        self.gate = threading.Event()
        self.gate.set()
        self.started = threading.Semaphore(0)
        self.most_at_once = 0
        self._at_once = 0

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.started.release()
        assert self.gate.wait(SLOW_S)
        self._at_once -= 1
        self.batches.append(inputs["x"].tolist())
        self.timeouts.append(timeout_s)
        if inputs["x"].dtype.kind == "f" and (inputs["x"] < 0).any():
            raise invalid_argument("negative")
        return {"y": inputs["x"] * 2}

    def close(self) -> None:
        """Nothing to give back."""


def batching_config(**settings: Any) -> BatchingConfig:
    """One thread and batches of at most four, but for the settings."""
    return BatchingConfig(**{"max_batch_size": 4, "num_batch_threads": 1, **settings})


class Bench:
    """A scheduler and a servable on the running loop."""

    def __init__(self, config: BatchingConfig | None, threads: int = 2) -> None:
        self.servable = Doubler(config)
        self.scheduler = Scheduler(threads)
        self.version = ServedVersion("doubler", 1, "/models/doubler/1")
        self.version.become_available(self.servable)
        assert self.version.try_lease()

    def ask(self, *rows: Any, timeout_s: float | None = None) -> asyncio.Task[Finished]:
        inputs = {"x": np.array(rows, np.float32)}
        run = self.scheduler.run(
            *(self.servable, "double", inputs, ["y"], timeout_s), version=self.version
        )
        return asyncio.create_task(run)

    def ask_text(self, text: bytes) -> asyncio.Task[Finished]:
        inputs = {"x": np.array([text], dtype=object)}
        run = self.scheduler.run(self.servable, "double", inputs, ["y"])
        return asyncio.create_task(run)

    async def hold(self, timeout_s: float | None = None) -> asyncio.Task[Finished]:
        """Occupies the only batch thread until the gate opens."""
        self.servable.gate.clear()
        blocker = self.ask(0, timeout_s=timeout_s)
        await asyncio.to_thread(self.servable.started.acquire)
        return blocker

    async def queued(self, *tasks: asyncio.Task[Finished]) -> None:
        """Lets tasks run until they wait for their results."""
        for _ in range(3):
            await asyncio.sleep(0)


def rows_of(finished: Finished) -> list[Any]:
    """The doubled numbers of an answer."""
    return finished.outputs["y"].tolist()
