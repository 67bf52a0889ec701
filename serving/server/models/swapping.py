"""How a version is swapped: the new one loads, answers, and only then the old one goes.

`ServedModel` decides what a model needs next; here it is carried out, in the background
and one step at a time.
"""

import dataclasses
import functools
import logging
import threading
from collections.abc import Callable

from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry
from serving.server.models.events import StateEvents
from serving.server.models.model import ServedModel
from serving.server.models.thread_pool import Pool
from serving.server.models.version import Routes, ServedVersion, State
from serving.server.servable import Servable
from serving.server.status import StatusError, from_exception

log = logging.getLogger(__name__)

Loader = Callable[[ModelEntry, ServedVersion], Servable]

# How many models that were dropped from the configuration still have a status.
MAX_GONE_MODELS = 100


@dataclasses.dataclass(frozen=True)
class Pools:
    """Where loads and unloads run."""

    loads: Pool
    unloads: Pool


class Lifecycle:
    """Models on their way from a directory to requests, and out again.

    A swap, step by step: `advance` hands the new version to a loader thread. Once
    `_loaded`, it is available and its route is shown. The next `advance` shows a route
    without the old version, and only then lets no new requests reach that one, so
    nobody meets a gap. Its memory is given back when the last request has let go of it.

    Attributes:
        changed: guards everything, and is notified with every change of state.
        events: tells listeners of each change.
        routes: what requests may reach; may be read without the lock.
    """

    def __init__(
        self,
        loader: Loader,
        clock: Callable[[], float],
        flags: ServerFlags,
        pools: Pools,
    ) -> None:
        self.events = StateEvents()
        self.changed = threading.Condition()
        self.models: dict[str, ServedModel] = {}
        self.routes: Routes = {}
        self.is_closing = False
        self.flags = flags
        self._loader = loader
        self._clock = clock
        self._pools = pools

    def advance(self, model: ServedModel) -> None:
        """Begins whatever the model needs next; never waits for it."""
        with self.changed:
            if self.is_closing:
                return
            leaving = self._step(model)
            load = model.next_load(
                self._clock(), unload_first=self.flags.unload_before_load
            )
            model.loading = model.loading or load
            self._note_departure(model)
        if load is not None:
            self._pools.loads.submit(functools.partial(self._load, model, load))
        for version in leaving:
            self._unload_when_idle(model, version)
        self.events.deliver()

    def _step(self, model: ServedModel) -> list[ServedVersion]:
        for version in model.update():
            self._moved(version)
        for version in model.cancelled():
            version.cancel()
            self._moved(version)
        leaving = model.leaving(unload_first=self.flags.unload_before_load)
        self.show_routes(model, leaving)
        for version in leaving:
            version.begin_unloading()
            self._moved(version)
        return leaving

    def _note_departure(self, model: ServedModel) -> None:
        if model.is_dropped and not model.live and not model.is_gone:
            model.is_gone = True
            self.events.removed(model.entry.name)
            gone = [name for name, other in self.models.items() if other.is_gone]
            for name in gone[:-MAX_GONE_MODELS]:
                del self.models[name]

    def _load(self, model: ServedModel, version: ServedVersion) -> None:
        try:
            if self._begins(version):
                self._attempt(model, version)
        finally:
            with self.changed:
                model.loading = None
                self.changed.notify_all()
            self.advance(model)

    def _begins(self, version: ServedVersion) -> bool:
        with self.changed:
            if self.is_closing or version.retired:
                return False
            version.start_loading()
            self._moved(version)
        self.events.deliver()
        return True

    def _attempt(self, model: ServedModel, version: ServedVersion) -> None:
        log.info("Loading servable version %s from %s", version, version.path)
        began_s = self._clock()
        try:
            servable = self._loader(model.entry, version)
        except Exception as error:  # noqa: BLE001  a model may raise anything
            self._failed(version, from_exception(error))
            return
        self._loaded(model, version, servable, self._clock() - began_s)

    def _failed(self, version: ServedVersion, error: StatusError) -> None:
        log.error("Loading servable: %s failed: %s", version, error)
        is_over = version.attempts > self.flags.max_num_load_retries
        next_attempt_s = self._clock() + self.flags.load_retry_interval_micros / 1e6
        with self.changed:
            version.attempt_failed(error, None if is_over else next_attempt_s)
            self._moved(version)

    def _loaded(
        self,
        model: ServedModel,
        version: ServedVersion,
        servable: Servable,
        load_s: float,
    ) -> None:
        with self.changed:
            is_served = not self.is_closing and model.should_serve(version)
            if is_served:
                version.become_available(servable, load_s)
                self.show_routes(model)
            else:
                version.cancel(servable)
            self._moved(version)
        if is_served:
            log.info("Successfully loaded servable version %s", version)
        else:
            log.info("Servable version %s is not wanted any more", version)
            self._unload_when_idle(model, version)

    def _unload_when_idle(self, model: ServedModel, version: ServedVersion) -> None:
        unload = functools.partial(self._unload, model, version)
        version.call_when_idle(functools.partial(self._pools.unloads.submit, unload))

    def _unload(self, model: ServedModel, version: ServedVersion) -> None:
        try:
            version.close_servable()
        except Exception:
            log.exception("Unloading servable version %s failed", version)
        log.info("Done unloading servable version %s", version)
        with self.changed:
            version.end()
            self._moved(version)
        self.events.deliver()
        self.advance(model)

    def answers(self, name: str) -> bool:
        """Tells whether some version of the model answers requests."""
        return None in self.routes.get(name, {})

    def show_routes(
        self, model: ServedModel, leaving: list[ServedVersion] | None = None
    ) -> None:
        """Publishes what requests may reach now; call it with `changed` held."""
        name = model.entry.name
        allowed = self.flags.allow_version_labels_for_unavailable_models
        route = model.route(leaving or [], allowed)
        if model.is_dropped:
            self.routes = {n: r for n, r in self.routes.items() if n != name}
        elif self.routes.get(name) != route:
            self.routes = {**self.routes, name: route}
        else:
            return
        self.changed.notify_all()

    def _moved(self, version: ServedVersion) -> None:
        """Notes a change of state; call it with `changed` held."""
        self.events.moved(version)
        self.changed.notify_all()

    def stop_loading(self) -> None:
        """Begins no more loads and waits for none; what answers goes on."""
        with self.changed:
            self.is_closing = True
            self.changed.notify_all()

    def close(self, limit_s: float) -> None:
        """Unloads everything, waiting for running requests up to the limit.

        A load that runs cannot be stopped; it is not waited for.
        """
        self.stop_loading()
        with self.changed:
            self.routes = {}
            self.changed.notify_all()
            leaving = [
                (model, version)
                for model in self.models.values()
                for version in model.live.values()
                if version.state is State.AVAILABLE
            ]
            for _, version in leaving:
                version.begin_unloading()
                self._moved(version)
        for model, version in leaving:
            self._unload_when_idle(model, version)
        self.events.deliver()
        with self.changed:
            self.changed.wait_for(
                lambda: all(version.state is State.END for _, version in leaving),
                limit_s,
            )
