"""A model manager in slow motion: its clock, its folders and its threads are ours."""

import dataclasses
import pathlib
import shutil
import weakref
from collections.abc import Callable
from typing import Any

from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry
from serving.server.models.manager import ModelManager
from serving.server.models.swapping import Pools
from serving.server.models.version import ServedVersion, State
from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError


class TinyServable(Servable):
    """Knows whether it was closed, and refuses to run afterwards."""

    signatures: dict[str, Any] = {}
    warmup_report = WarmupReport(3, "file")

    def __init__(self) -> None:
        self.is_closed = False

    def run(self, *args: object) -> dict[str, Any]:
        assert not self.is_closed, "a request met an unloaded model"
        return {}

    def close(self) -> None:
        assert not self.is_closed, "closed twice"
        self.is_closed = True


class InlinePool:
    """Carries out each job at once."""

    def submit(self, job: Callable[[], None]) -> None:
        job()


class ManualPool:
    """Keeps jobs until somebody says `run`."""

    def __init__(self) -> None:
        self.jobs: list[Callable[[], None]] = []

    def submit(self, job: Callable[[], None]) -> None:
        self.jobs.append(job)

    def run(self, index: int = 0) -> None:
        self.jobs.pop(index)()

    def run_all(self) -> None:
        while self.jobs:
            self.run()


class World:
    """Folders below `root`, one per model, and the manager that serves them."""

    def __init__(
        self, root: pathlib.Path, pools: Pools | None = None, **flags: Any
    ) -> None:
        self.root = root
        self.now_s = 0.0
        self.broken: set[tuple[str, int]] = set()
        self.loads: list[tuple[str, int]] = []
        self.during_load: Callable[[], None] = lambda: None
        self.servables: list[weakref.ref[TinyServable]] = []
        self.events: list[tuple[str, int, str]] = []
        self.manager = ModelManager(
            self.load,
            ServerFlags(max_num_load_retries=2, **flags),
            clock=lambda: self.now_s,
            pools=pools or Pools(InlinePool(), InlinePool()),
        )
        self.manager.events.on_state_change(self._note)

    def entry(self, name: str = "m", **fields: Any) -> ModelEntry:
        (self.root / name).mkdir(exist_ok=True)
        return ModelEntry(name=name, base_path=str(self.root / name), **fields)

    def set_flags(self, **changes: Any) -> None:
        lifecycle = self.manager.lifecycle
        lifecycle.flags = dataclasses.replace(lifecycle.flags, **changes)

    def serve(self, *entries: ModelEntry) -> None:
        self.manager.configure(entries)
        self.manager.reconcile()

    def push(self, *versions: int, name: str = "m") -> None:
        for version in versions:
            (self.root / name / str(version)).mkdir(parents=True)
        self.manager.reconcile()

    def delete(self, version: int, name: str = "m") -> None:
        shutil.rmtree(self.root / name / str(version))
        self.manager.reconcile()

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds
        self.manager.reconcile()

    def states(self, name: str = "m") -> dict[int, str]:
        return {v.number: v.state.name for v in self.manager.versions(name)}

    def served(
        self, version: int | None = None, label: str = "", name: str = "m"
    ) -> int:
        with self.manager.lease(name, version, label) as used:
            used.servable.run("", {}, (), None)
            return used.number

    def load(self, entry: ModelEntry, version: ServedVersion) -> TinyServable:
        self.loads.append((entry.name, version.number))
        self.during_load()
        if (entry.name, version.number) in self.broken:
            raise StatusError(Code.NOT_FOUND, "saved_model.pb is missing")
        servable = TinyServable()
        self.servables.append(weakref.ref(servable))
        return servable

    def _note(self, version: ServedVersion, state: State) -> None:
        self.events.append((version.model_name, version.number, state.name))


def is_settled(manager: ModelManager) -> bool:
    """True when no version is waiting to be loaded, or to be tried again."""
    with manager.lifecycle.changed:
        models = manager.lifecycle.models
        return all(models[name].is_settled for name in manager.entries)


def wait_settled(manager: ModelManager, limit_s: float) -> bool:
    """Waits until loads are over, and unloads too; False at the limit."""
    lifecycle = manager.lifecycle

    def is_quiet() -> bool:
        versions = [
            v for model in lifecycle.models.values() for v in model.live.values()
        ]
        is_unloading = any(version.state is State.UNLOADING for version in versions)
        return is_settled(manager) and not is_unloading

    with lifecycle.changed:
        return lifecycle.changed.wait_for(is_quiet, limit_s)
