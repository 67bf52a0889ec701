"""Loads, swaps and unloads versions so that requests never meet a gap."""

import contextlib
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from serving.server import status_texts
from serving.server.models import ModelEntry
from serving.server.served_version import Servable, ServedVersion, State
from serving.server.status import StatusError, from_exception
from serving.version_dirs import find_versions

log = logging.getLogger(__name__)

Loader = Callable[[ModelEntry, ServedVersion], Servable]


StateListener = Callable[[str, int, State], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class RetryConfig:
    """How often a failing load is repeated, and how long after."""

    max_num_load_retries: int = 5
    load_retry_interval_s: float = 60.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class LifecycleConfig:
    """How versions come and go; 0 threads means a sane number of them."""

    num_load_threads: int = 0
    num_unload_threads: int = 0
    unload_before_load: bool = False
    """Frees the old version's memory before the new one takes its own: a gap."""
    allow_labels_for_unavailable: bool = False
    list_files: bool = True
    """False: base paths are never listed, so nothing is ever loaded."""


class ModelManager:
    """The models, their versions, and what the configuration wants of them.

    Any thread may call anything; one calls `reconcile` again and again.
    """

    def __init__(
        self,
        loader: Loader,
        retry: RetryConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        config: LifecycleConfig | None = None,
    ) -> None:
        self._loader = loader
        self._retry = retry or RetryConfig()
        self._config = config or LifecycleConfig()
        self._state_listeners: list[StateListener] = []
        self._removal_listeners: list[Callable[[str], None]] = []
        self._clock = clock
        self._entries: dict[str, ModelEntry] = {}
        self._versions: dict[str, dict[int, ServedVersion]] = {}
        self._listed: set[str] = set()
        self._lock = threading.Lock()
        self._reconciling = threading.Lock()

    def configure(self, entries: Sequence[ModelEntry]) -> None:
        """Takes the complete list of models; `reconcile` makes it true."""
        with self._lock:
            self._entries = {entry.name: entry for entry in entries}
            for entry in entries:
                self._versions.setdefault(entry.name, {})

    def reconcile(self, *, list_files: bool = True) -> None:
        """Loads what should be served and is not, then unloads what should not."""
        with self._reconciling:
            self._reconcile(list_files)

    def _reconcile(self, list_files: bool) -> None:
        for name, entry in list(self._entries.items()):
            if list_files or name not in self._listed:
                self._update_aspired(entry)
            self._load_due(entry)
        for name in self._versions.keys() - self._entries.keys():
            self._retire(name, keep=set())

    def reload(self, config: Any, deadline_s: float = 600.0) -> None:
        """HandleReloadConfigRequest: a ModelServerConfig, whole; blocks until it holds.

        Returns when every model that is new can answer. Call it from a worker thread.

        Raises:
            StatusError: in upstream's words. UNKNOWN when a new model failed or was not
                there in time; the new configuration stays in force and loads go on.
        """
        raise NotImplementedError

    def on_state_change(self, listener: StateListener) -> None:
        """Calls `listener(model, version, state)` after each change, in their order.

        It runs in the thread that made the change; it must be quick.
        """
        self._state_listeners.append(listener)

    def on_model_removed(self, listener: Callable[[str], None]) -> None:
        """Calls `listener(model)` when a model has left configuration and memory."""
        self._removal_listeners.append(listener)

    @property
    def entries(self) -> Mapping[str, ModelEntry]:
        """The models of the current configuration, by name."""
        return dict(self._entries)

    def acquire(
        self, name: str, version: int | None = None, label: str = ""
    ) -> ServedVersion:
        """As `use`, for callers that cannot use a block; call `release` on the result.

        Raises:
            StatusError: there is no such model, version or label to be used.
        """
        with self._lock:
            return self._choose(name, version, label)

    @contextlib.contextmanager
    def use(
        self, name: str, version: int | None = None, label: str = ""
    ) -> Iterator[ServedVersion]:
        """A version that stays loaded within the block.

        Raises:
            StatusError: there is no such model, version or label to be used.
        """
        with self._lock:
            chosen = self._choose(name, version, label)
        with chosen.release_after():
            yield chosen

    def versions(self, name: str, version: int | None = None) -> list[ServedVersion]:
        """Every version known, also those that are no more; newest first.

        Raises:
            StatusError: NOT_FOUND.
        """
        with self._lock:
            known = dict(self._versions.get(name, {}))
        found = [known[n] for n in sorted(known, reverse=True) if version in (None, n)]
        if not found:
            raise status_texts.no_versions(name, version)
        return found

    def unready_models(self) -> list[str]:
        """Configured models that cannot answer now."""
        with self._lock:
            return [n for n in self._entries if self._latest_available(n) is None]

    def has_model(self, name: str) -> bool:
        """True for a model of the current configuration."""
        return name in self._entries

    def failures(self) -> dict[str, ServedVersion]:
        """Models that have failed for good, with the version that did."""
        with self._lock:
            unready = [n for n in self._entries if self._latest_available(n) is None]
            newest = {n: self._newest(n) for n in unready}
        return {n: v for n, v in newest.items() if v is not None and v.error}

    @property
    def is_settled(self) -> bool:
        """True when no version is waiting to be loaded, or to be tried again."""
        with self._lock:
            listed = self._entries.keys() <= self._listed
            models = [self._versions[name].values() for name in self._entries]
        return listed and not any(v.is_loading for vs in models for v in vs)

    @property
    def model_count(self) -> int:
        """How many models the configuration names."""
        return len(self._entries)

    def close(self, limit_s: float) -> None:
        """Unloads everything, waiting for running requests up to the limit."""
        deadline = self._clock() + limit_s
        with self._lock:
            served = [v for vs in self._versions.values() for v in vs.values()]
        loaded = [version for version in served if version.state is State.AVAILABLE]
        for version in loaded:
            version.begin_unloading()
        for version in loaded:
            version.finish_unloading(max(deadline - self._clock(), 0.0))

    def _update_aspired(self, entry: ModelEntry) -> None:
        try:
            found = find_versions(entry.base_path)
        except OSError as error:
            log.error(
                "Could not find base path %s for servable %s with error %s",
                *(entry.base_path, entry.name, error),
            )
            return
        self._listed.add(entry.name)
        aspired = entry.policy.select(found)
        if not aspired:
            log.warning(
                "No versions of servable %s found under base path %s. Did you forget "
                "to name your leaf directory as a number (eg. '/1/')?",
                *(entry.name, entry.base_path),
            )
        with self._lock:
            known = self._versions[entry.name]
            for number in aspired:
                version = known.get(number)
                if version is None or (version.state is State.END and version.retired):
                    known[number] = ServedVersion(entry.name, number, found[number])
        self._aspired_now(entry.name, aspired)

    def _aspired_now(self, name: str, aspired: Sequence[int]) -> None:
        for number, version in self._versions[name].items():
            version.retired = number not in aspired

    def _load_due(self, entry: ModelEntry) -> None:
        versions = self._versions[entry.name]
        for number in sorted(versions):
            version = versions[number]
            due = version.next_attempt_s <= self._clock()
            if version.is_loading and due and not version.retired:
                self._load(entry, version)
        available = {n for n, v in versions.items() if v.state is State.AVAILABLE}
        wanted = {n for n, v in versions.items() if not v.retired}
        # The old version goes only when a new one answers, or nothing is wanted.
        if available & wanted or not wanted:
            self._retire(entry.name, keep=wanted)

    def _load(self, entry: ModelEntry, version: ServedVersion) -> None:
        version.start_loading()
        log.info("Loading servable version {name: %s version: %d} from %s",
                 entry.name, version.number, version.path)  # fmt: skip
        try:
            servable = self._loader(entry, version)
        except Exception as error:  # noqa: BLE001  a model may raise anything
            self._load_failed(version, from_exception(error))
            return
        version.become_available(servable)
        log.info("Successfully loaded servable version {name: %s version: %d}",
                 entry.name, version.number)  # fmt: skip

    def _load_failed(self, version: ServedVersion, error: StatusError) -> None:
        log.error("Loading servable: {name: %s version: %d} failed: %s",
                  version.model_name, version.number, error)  # fmt: skip
        version.error = error
        if version.attempts > self._retry.max_num_load_retries:
            version.fail(error)
        version.next_attempt_s = self._clock() + self._retry.load_retry_interval_s

    def _retire(self, name: str, keep: set[int]) -> None:
        for number, version in self._versions[name].items():
            if number in keep:
                continue
            version.retired = True
            if version.is_loading:
                version.state = State.END
            elif version.state is State.AVAILABLE:
                version.begin_unloading()
                # A long request must not hold up the next load.
                threading.Thread(target=version.finish_unloading, daemon=True).start()

    def _choose(self, name: str, version: int | None, label: str) -> ServedVersion:
        entry = self._entries.get(name)
        if label:
            version = self._labelled(entry, label)
        if version is None:
            # Between looking and taking, a newer version may have replaced this one.
            while (latest := self._latest_available(name)) is not None:
                if latest.try_acquire():
                    return latest
        else:
            chosen = self._versions.get(name, {}).get(version)
            if chosen is not None and chosen.try_acquire():
                return chosen
        raise self._not_found(entry, name, version)

    def _labelled(self, entry: ModelEntry | None, label: str) -> int:
        number = None if entry is None else entry.labels.get(label)
        if entry is None or number is None:
            raise status_texts.unknown_label(label)
        version = self._versions[entry.name].get(number)
        if version is None or version.state is not State.AVAILABLE:
            raise status_texts.unknown_label(label)
        return number

    def _not_found(
        self, entry: ModelEntry | None, name: str, version: int | None
    ) -> StatusError:
        if entry is None:
            return status_texts.servable_not_found(name, version)
        newest = self._newest(name)
        loading = name not in self._listed or (newest is not None and newest.is_loading)
        if newest is not None and newest.error is not None:
            detail = f"Version {newest.number} failed to load: {newest.error}"
        elif loading:
            detail = "It is still loading; try again."
        elif newest is None:
            detail = f"No version directories under {entry.base_path}."
        else:
            detail = ""
        if version is not None and version not in self._versions[name]:
            detail, loading = "", False
        return status_texts.servable_not_found(name, version, detail, loading=loading)

    def _latest_available(self, name: str) -> ServedVersion | None:
        versions = self._versions.get(name, {}).values()
        available = [v for v in versions if v.state is State.AVAILABLE]
        return max(available, key=lambda version: version.number, default=None)

    def _newest(self, name: str) -> ServedVersion | None:
        versions = self._versions.get(name, {})
        return versions[max(versions)] if versions else None
