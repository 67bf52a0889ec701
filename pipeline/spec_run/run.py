"""Runs the tasks of a compiled pipeline, each as soon as what it needs is there."""

import concurrent.futures
import dataclasses
import datetime
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RunError
from pipeline.spec_run.backends import Backend
from pipeline.spec_run.cache import TaskCache
from pipeline.spec_run.compiled import CompiledPipeline, Json, Task, container_of
from pipeline.spec_run.launcher import Launcher, Mode

_INPUT_PLACEHOLDER = "{{$}}"
_LOG_LINES = 15


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One task that has ended well; `made` has its `artifacts` and `parameters`."""

    name: str
    seconds: float
    made: Json
    is_cached: bool = False
    attempts: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class SpecRun:
    """How a compiled pipeline is to be run.

    `root` keeps artifacts, logs and what the cache knows. `retries` are for every task,
    besides those of the file; `jobs` tasks run at the same time.
    """

    compiled: CompiledPipeline
    backend: Backend
    root: Path
    mode: Mode
    parameters: Mapping[str, Any]
    jobs: int = 1
    retries: int = 0
    uses_cache: bool = True

    def run(
        self, told: Callable[[TaskRun], None], started: Callable[[str], None]
    ) -> dict[str, TaskRun]:
        """Runs every task; `started` and `told` hear of each.

        Raises:
            RunError: a task failed; those beside it have ended by then, and no other
                has begun.
        """
        now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        launcher = Launcher(
            mode=self.mode,
            run_name=now,
            root=self.root,
            seen_root=self.backend.seen_root(self.root),
            parameters=self.parameters,
        )
        return _Progress(self, launcher, told, started).run()


class _Progress:
    """One run under way."""

    def __init__(
        self,
        plan: SpecRun,
        launcher: Launcher,
        told: Callable[[TaskRun], None],
        started: Callable[[str], None],
    ) -> None:
        self._plan, self._launcher = plan, launcher
        self._told, self._started = told, started
        self._runs: dict[str, TaskRun] = {}
        self._keys: dict[str, str] = {}
        self._cache = TaskCache(plan.root / "cache" / plan.mode.value)

    def run(self) -> dict[str, TaskRun]:
        order = self._plan.compiled.order()
        running: dict[concurrent.futures.Future[TaskRun], str] = {}
        with concurrent.futures.ThreadPoolExecutor(self._plan.jobs) as pool:
            try:
                while order.is_active():
                    for name in sorted(order.get_ready()):
                        running[pool.submit(self._run_task, name)] = name
                    done, _ = concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    for future in done:
                        name = running.pop(future)
                        self._runs[name] = future.result()
                        self._told(self._runs[name])
                        order.done(name)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return self._runs

    def _run_task(self, name: str) -> TaskRun:
        task, begun = self._plan.compiled.tasks[name], time.monotonic()
        self._started(name)
        if task.is_importer:
            made = self._launcher.imported(task)
            self._keys[name] = json.dumps(made, sort_keys=True)
            return TaskRun(name=name, seconds=0.0, made=made)
        others = {each: run.made for each, run in self._runs.items()}
        executor_input = self._launcher.executor_input(task, others)
        key = self._cache.key(task, executor_input, self._keys)
        if self._plan.uses_cache and task.may_be_cached:
            known = self._cache.find(key)
            if known is not None:
                self._keys[name] = key
                return self._finished(task, begun, known, is_cached=True)
        made, attempts = self._attempt(task, executor_input)
        places = self._launcher.places(task)
        if task.may_be_cached:
            self._keys[name] = key
            self._cache.keep(key, made, places)
        else:  # What came of it is what counts for those after it.
            self._keys[name] = _digest(places)
        return self._finished(task, begun, made, attempts=attempts)

    def _finished(self, task: Task, begun: float, made: Json, **about: Any) -> TaskRun:
        seconds = time.monotonic() - begun
        return TaskRun(name=task.name, seconds=seconds, made=made, **about)

    def _attempt(self, task: Task, executor_input: Json) -> tuple[Json, int]:
        """Runs a task until it ends well, or has no attempt left."""
        image, command, arguments = container_of(task)
        text = json.dumps(executor_input)
        filled = [
            text if argument == _INPUT_PLACEHOLDER else argument
            for argument in (*command, *arguments)
        ]
        if self._plan.mode is Mode.KUBEFLOW:
            filled.append(f"--mirror_root={self._launcher.mirror}")
        log_path = self._launcher.log_path(task)
        most = 1 + self._plan.retries + task.retries
        for attempt in range(1, most + 1):
            self._launcher.prepare(task)
            status = self._plan.backend.run(image, filled, log_path)
            if status == 0:
                return self._launcher.published(task, executor_input), attempt
        raise RunError(_failure(task.name, status, attempt, log_path))


def _failure(name: str, status: int, attempts: int, log_path: Path) -> str:
    lines = log_path.read_text("utf-8", errors="replace").splitlines()
    tail = "\n".join(f"  {line}" for line in lines[-_LOG_LINES:])
    times = f" {attempts} times" if attempts > 1 else ""
    return (
        f"{name} failed{times} with exit status {status}. The end of its log, "
        f"{log_path}:\n{tail}"
    )


def _digest(places: list[Path]) -> str:
    digest = hashlib.sha256()
    for place in places:
        for path in sorted(place.rglob("*")):
            if path.is_file():
                digest.update(str(path.relative_to(place)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:32]
