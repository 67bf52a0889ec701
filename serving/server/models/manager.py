"""The models that are served: configured, loaded, swapped, found and unloaded."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from google.protobuf.message import Message

from serving.server import upstream_texts
from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry, entries_of
from serving.server.models.model import ServedModel
from serving.server.models.not_found import why_not_found
from serving.server.models.start import StartProgress
from serving.server.models.swapping import Lifecycle, Loader, Pools
from serving.server.models.thread_pool import ThreadPool
from serving.server.models.version import ServedVersion
from serving.server.status import invalid_argument
from serving.version_dirs import has_scheme

# Two hanging loads leave room for others; more at once mostly compete for memory.
LOAD_THREADS = 4
UNLOAD_THREADS = 2


class ModelManager:
    """The models, their versions, and what the configuration wants of them.

    Any thread may call anything, and nothing waits for a load but `reload`. One thread
    calls `reconcile` again and again. Requests look up published routes: they take no
    lock that a load, a listing or a reload could hold.

    Attributes:
        lifecycle: loads, swaps and unloads versions; ends what it does.
        events: tells listeners of each change of state.
        entries: the models of the current configuration, by name; never changed in
            place.
    """

    def __init__(
        self,
        loader: Loader,
        flags: ServerFlags,
        *,
        clock: Callable[[], float] = time.monotonic,
        pools: Pools | None = None,
    ) -> None:
        pools = pools or Pools(
            ThreadPool("load", flags.num_load_threads or LOAD_THREADS),
            ThreadPool("unload", flags.num_unload_threads or UNLOAD_THREADS),
        )
        self.lifecycle = Lifecycle(loader, clock, flags, pools)
        self.events = self.lifecycle.events
        self.entries: Mapping[str, ModelEntry] = {}
        self._changed = self.lifecycle.changed
        self._remote_lists = ThreadPool("list", 4)

    # What should be served

    def configure(self, entries: Sequence[ModelEntry]) -> None:
        """Takes the complete list of models; `reconcile` makes it true.

        For the start and for a config file that changed: labels wait for their version
        to become available, where `reload` refuses them.
        """
        with self._changed:
            self._configure(entries)

    def reload(self, config: Message, deadline_s: float = 600.0) -> None:
        """Takes a ModelServerConfig, whole, as HandleReloadConfigRequest does.

        Returns when every model that is new can answer. Call it from a worker thread.

        Raises:
            StatusError: in upstream's words. UNKNOWN when a new model failed or was not
                there in time; the new configuration stays in force and loads go on.
                After any other error the old one does.
        """
        if config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        try:
            entries = entries_of(config, self.entries)
        except ValueError as error:
            raise invalid_argument(str(error)) from None
        with self._changed:
            new = self._new_models(entries)
            self._configure(entries)
            models = [self.lifecycle.models[name] for name in new]
        self.reconcile(list_files=False)
        self._wait_for(models, deadline_s)

    def reconcile(self, *, list_files: bool = True) -> None:
        """Begins to load what should be served, and to unload what should not.

        Args:
            list_files: look for new versions; models that are new are always looked at.
        """
        with self._changed:
            models = list(self.lifecycle.models.values())
        for model in models:
            if self._begin_listing(model, list_files):
                look = functools.partial(self._look, model)
                if has_scheme(model.entry.base_path):
                    # A slow object store must not hold up the other models.
                    self._remote_lists.submit(look)
                    continue
                look()
            self.lifecycle.advance(model)

    # What is served

    def lease(
        self, name: str, version: int | None = None, label: str = ""
    ) -> ServedVersion:
        """Returns a version that stays loaded until `release`, or within its block.

        Raises:
            StatusError: there is no such model, version or label to be used.
        """
        while True:
            route = self.lifecycle.routes.get(name)
            chosen = None if route is None else route.get(label or version)
            if chosen is None:
                with self._changed:
                    model = self.lifecycle.models.get(name)
                    raise why_not_found(model, name, version, label)
            if chosen.try_lease():
                return chosen
            # It left between looking and taking; newer routes are there, or are now.
            with self._changed:
                if (model := self.lifecycle.models.get(name)) is not None:
                    self.lifecycle.show_routes(model)

    def versions(self, name: str, version: int | None = None) -> list[ServedVersion]:
        """Lists every version known, also those that have ended; newest first.

        Of the latter only the last hundred are kept.

        Raises:
            StatusError: NOT_FOUND.
        """
        with self._changed:
            model = self.lifecycle.models.get(name)
            known = {} if model is None else model.versions()
        found = [known[n] for n in sorted(known, reverse=True) if version in (None, n)]
        if not found:
            raise upstream_texts.no_versions(name, version)
        return found

    def available_versions(self) -> Iterator[ServedVersion]:
        """Yields those of all models that answer now; each stays loaded meanwhile."""
        with self._changed:
            models = list(self.lifecycle.models.values())
            versions = [v for model in models for v in model.live.values()]
        for version in versions:
            if version.try_lease():
                with version:
                    yield version

    def unready_models(self) -> list[str]:
        """Lists the configured models that cannot answer now."""
        return [name for name in self.entries if not self.lifecycle.answers(name)]

    def wait_for_start(self, limit_s: float) -> StartProgress:
        """Tells which models have loaded, have failed for good, or do neither yet.

        Waits until that decides about the start, or for the limit.
        """

        def is_decided() -> bool:
            progress = self._start_progress()
            return progress.is_over or progress.error is not None

        with self._changed:
            self._changed.wait_for(is_decided, limit_s)
            return self._start_progress()

    def why_unready(self, name: str) -> str:
        """Says why a model cannot answer now."""
        with self._changed:
            model = self.lifecycle.models.get(name)
            return why_not_found(model, name, None, "").message

    def _start_progress(self) -> StartProgress:
        return StartProgress.of(
            [self.lifecycle.models[name] for name in self.entries],
            tolerates_failures=self.lifecycle.flags.tolerate_failed_models,
        )

    def _configure(self, entries: Sequence[ModelEntry]) -> None:
        models = self.lifecycle.models
        self.entries = {entry.name: entry for entry in entries}
        for entry in entries:
            models.setdefault(entry.name, ServedModel(entry)).configure(entry)
        for name in models.keys() - self.entries.keys():
            models[name].drop()
        for model in models.values():
            self.lifecycle.show_routes(model)

    def _new_models(self, entries: Sequence[ModelEntry]) -> list[str]:
        """Names the new ones; raises where a label's version cannot answer."""
        models = self.lifecycle.models
        flags = self.lifecycle.flags
        allowed = flags.allow_version_labels_for_unavailable_models
        new: list[str] = []
        for entry in entries:
            model = models.get(entry.name) or ServedModel(entry)
            model.check_labels(entry, allow_unavailable=allowed)
            if entry.name not in models or model.is_dropped:
                new.append(entry.name)
        return new

    def _wait_for(self, models: Sequence[ServedModel], deadline_s: float) -> None:
        """Returns when every model answers.

        Upstream waits without a limit, for ever if there is no base path.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: all(self._is_over(model) for model in models), deadline_s
            )
            late = [m for m in models if not self.lifecycle.answers(m.entry.name)]
            causes = dict(map(_cause, late))
        if causes:
            raise upstream_texts.did_not_become_available("model", causes)

    def _is_over(self, model: ServedModel) -> bool:
        if model.is_dropped or self.lifecycle.is_closing:
            return True
        return self.lifecycle.answers(model.entry.name) or model.failure is not None

    def _begin_listing(self, model: ServedModel, list_files: bool) -> bool:
        if self.lifecycle.flags.file_system_poll_wait_seconds < 0:
            return False  # Nothing is ever listed, and so nothing is ever loaded.
        with self._changed:
            is_due = list_files or not model.was_listed
            if not is_due or model.is_being_listed or model.is_dropped:
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
        self.lifecycle.advance(model)


def _cause(model: ServedModel) -> tuple[str, str]:
    """Says what upstream calls the version, and why it does not answer."""
    name = model.entry.name
    if model.is_dropped:
        return f"{{name: {name}}}", "another configuration came"
    version = model.failure or model.newest
    if version is None:
        path = model.entry.base_path
        return f"{{name: {name}}}", f"no version directories under {path} in time"
    error = version.error or "it was still loading when the wait was over"
    return str(version), str(error)
