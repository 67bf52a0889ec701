"""The models that are served: configured, loaded, swapped, found and unloaded."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from serving.server import upstream_texts
from serving.server.models import absence
from serving.server.models.config import ModelEntry
from serving.server.models.events import (
    ConfigurationListener,
    RemovalListener,
    StateListener,
)
from serving.server.models.lifecycle import (
    Lifecycle,
    LifecycleConfig,
    Loader,
    Pools,
    RetryConfig,
    label_of,
)
from serving.server.models.model import ServedModel
from serving.server.models.reload import Reload
from serving.server.models.thread_pool import ThreadPool
from serving.server.models.version import ServedVersion, State
from serving.server.status import StatusError
from serving.version_dirs import has_scheme

__all__ = ["LifecycleConfig", "Loader", "ModelManager", "Pools", "RetryConfig"]


class ModelManager:
    """The models, their versions, and what the configuration wants of them.

    Any thread may call anything, and nothing waits for a load but `reload` and
    `wait_settled`. One thread calls `reconcile` again and again. Requests look up
    published routes: they take no lock that a load, a listing or a reload could hold.
    """

    def __init__(
        self,
        loader: Loader,
        retry: RetryConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        config: LifecycleConfig | None = None,
        pools: Pools | None = None,
    ) -> None:
        config = config or LifecycleConfig()
        pools = pools or Pools.of_threads(config)
        self._lifecycle = Lifecycle(loader, clock, config, pools)
        self._lifecycle.retry = retry or RetryConfig()
        self._remote_lists = ThreadPool("list", 4)
        self._list_files = config.list_files
        self._changed = self._lifecycle.changed
        self._entries: Mapping[str, ModelEntry] = {}

    # What should be served

    def configure(self, entries: Sequence[ModelEntry]) -> None:
        """Takes the complete list of models; `reconcile` makes it true.

        For the start and for a config file that changed: labels wait for their version
        to become available, where `reload` refuses them.
        """
        with self._changed:
            self._configure(entries)
        self._lifecycle.events.deliver()

    def reload(self, config: Any, deadline_s: float = 600.0) -> None:
        """HandleReloadConfigRequest: a ModelServerConfig, whole; blocks until it holds.

        Returns when every model that is new can answer. Call it from a worker thread.

        Raises:
            StatusError: in upstream's words. UNKNOWN when a new model failed or was not
                there in time; the new configuration stays in force and loads go on.
                After any other error the old one does.
        """
        reload = Reload(config, self._entries)
        with self._changed:
            new = reload.check(self._lifecycle)
            self._configure(reload.entries)
        self._lifecycle.events.deliver()
        self.reconcile(list_files=False)
        reload.wait(self._lifecycle, new, deadline_s)

    def reconcile(self, *, list_files: bool = True) -> None:
        """Begins to load what should be served, and to unload what should not.

        Args:
            list_files: look for new versions; models that are new are always looked at.
        """
        with self._changed:
            models = list(self._lifecycle.models.values())
        for model in models:
            if self._begin_listing(model, list_files):
                look = functools.partial(self._look, model)
                if has_scheme(model.entry.base_path):
                    # A slow object store must not hold up the other models.
                    self._remote_lists.submit(look)
                    continue
                look()
            self._lifecycle.advance(model)

    @property
    def retry(self) -> RetryConfig:
        """May be set at any time; counts from the next failed load on."""
        return self._lifecycle.retry

    @retry.setter
    def retry(self, retry: RetryConfig) -> None:
        self._lifecycle.retry = retry

    def stop_loading(self) -> None:
        """Begins no more loads and ends the waiting of `reload`; for a server's end."""
        self._lifecycle.stop_loading()

    def close(self, limit_s: float) -> None:
        """Unloads everything, waiting for running requests up to the limit."""
        self._lifecycle.close(limit_s)

    # What is served

    def acquire(
        self, name: str, version: int | None = None, label: str = ""
    ) -> ServedVersion:
        """A version that stays loaded until `release` is called on it.

        Raises:
            StatusError: there is no such model, version or label to be used.
        """
        while True:
            route = self._lifecycle.routes.get(name)
            chosen = None if route is None else route.find(version, label)
            if chosen is None:
                raise self._absence(name, version, label)
            if chosen.try_acquire():
                return chosen
            # It left between looking and taking; newer routes are there, or are now.
            with self._changed:
                if (model := self._lifecycle.models.get(name)) is not None:
                    self._lifecycle.show_routes(model)

    def use(self, name: str, version: int | None = None, label: str = "") -> "Use":
        """A context manager: a version that stays loaded within the block.

        Raises:
            StatusError: on entering, as `acquire` does.
        """
        return Use(self, name, version, label)

    def versions(self, name: str, version: int | None = None) -> list[ServedVersion]:
        """Every version known, also those that are no more; newest first.

        Of the latter only the last hundred are kept.

        Raises:
            StatusError: NOT_FOUND.
        """
        with self._changed:
            model = self._lifecycle.models.get(name)
            known = {} if model is None else model.versions()
        found = [known[n] for n in sorted(known, reverse=True) if version in (None, n)]
        if not found:
            raise upstream_texts.no_versions(name, version)
        return found

    def available_versions(self) -> list[ServedVersion]:
        """Those of all models that can answer now."""
        with self._changed:
            models = [m.versions().values() for m in self._lifecycle.models.values()]
        return [v for model in models for v in model if v.state is State.AVAILABLE]

    @property
    def entries(self) -> Mapping[str, ModelEntry]:
        """The models of the current configuration, by name; never changed in place."""
        return self._entries

    def unready_models(self) -> list[str]:
        """Configured models that cannot answer now."""
        routes = self._lifecycle.routes
        return [
            name
            for name in self._entries
            if name not in routes or routes[name].latest is None
        ]

    def has_model(self, name: str) -> bool:
        """True for a model of the current configuration."""
        return name in self._entries

    def failures(self) -> dict[str, ServedVersion]:
        """Models that have failed for good, with the version that did."""
        with self._changed:
            found = {n: self._lifecycle.models[n].failure for n in self._entries}
        return {name: version for name, version in found.items() if version is not None}

    def start_error(self) -> StatusError | None:
        """What upstream ends with, when every model has failed for good."""
        failures = self.failures()
        if not failures or len(failures) < len(self._entries):
            return None
        causes = {label_of(version): version.error for version in failures.values()}
        return upstream_texts.did_not_become_available("servable", causes)

    @property
    def is_settled(self) -> bool:
        """True when no version is waiting to be loaded, or to be tried again."""
        with self._changed:
            return all(
                self._lifecycle.models[name].is_settled for name in self._entries
            )

    def wait_settled(self, limit_s: float) -> bool:
        """Waits until loads are over, and unloads too; False at the limit."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self.is_settled and not self._lifecycle.is_unloading, limit_s
            )

    def on_state_change(self, listener: StateListener) -> None:
        """Calls `listener(model, version, state)` after each change, in their order.

        It runs in the thread that made the change; it must be quick.
        """
        self._lifecycle.events.on_state_change(listener)

    def on_model_removed(self, listener: RemovalListener) -> None:
        """Calls `listener(model)` when a model has left configuration and memory."""
        self._lifecycle.events.on_model_removed(listener)

    def on_configured(self, listener: ConfigurationListener) -> None:
        """Calls `listener()` when another configuration is in force."""
        self._lifecycle.events.on_configured(listener)

    def _configure(self, entries: Sequence[ModelEntry]) -> None:
        models = self._lifecycle.models
        self._entries = {entry.name: entry for entry in entries}
        for entry in entries:
            models.setdefault(entry.name, ServedModel(entry)).configure(entry)
        for name in models.keys() - self._entries.keys():
            models[name].drop()
        for model in models.values():
            self._lifecycle.show_routes(model)
        self._lifecycle.events.configured()

    def _begin_listing(self, model: ServedModel, list_files: bool) -> bool:
        with self._changed:
            is_due = list_files or not model.was_listed
            begins = is_due and not model.is_being_listed and not model.is_dropped
            if not begins or not self._list_files:
                return False
            model.is_being_listed = model.was_listed = True
            return True

    def _look(self, model: ServedModel) -> None:
        entry = model.entry
        found = model.watch.look(entry)
        with self._changed:
            model.is_being_listed = False
            is_current = model.entry.base_path == entry.base_path
            if found is not None and is_current and not model.is_dropped:
                model.found = found
                self._changed.notify_all()
        self._lifecycle.advance(model)

    def _absence(self, name: str, version: int | None, label: str) -> StatusError:
        with self._changed:
            model = self._lifecycle.models.get(name)
            return absence.explain(model, name, version, label)


class Use:
    """One request's hold on a version; a class, because a generator is slower."""

    __slots__ = ("_manager", "_version", "_wanted")

    def __init__(
        self, manager: ModelManager, name: str, version: int | None, label: str
    ) -> None:
        self._manager = manager
        self._wanted = (name, version, label)
        self._version: ServedVersion | None = None

    def __enter__(self) -> ServedVersion:
        self._version = self._manager.acquire(*self._wanted)
        return self._version

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._version is not None:
            self._version.release()
