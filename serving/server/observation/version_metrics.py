"""What loading, warming up and the states of versions add to the metrics."""

import dataclasses
import threading

from serving.server.models.version import ServedVersion, State
from serving.server.observation.metrics import MICROS, OwnMetrics, UpstreamMetrics
from serving.server.observation.registry import Registry
from serving.server.status import Code


@dataclasses.dataclass(slots=True)
class _Seen:
    """What was last told of a version that has series."""

    state: State
    path: str
    attempts: int = 0
    failures: int = 0


class VersionMetrics:
    """Made from the versions as they are after each change of state.

    A version that was unloaded loses its series. One that failed to load stays, as END,
    until a newer one is AVAILABLE.
    """

    def __init__(
        self, registry: Registry, upstream: UpstreamMetrics, ours: OwnMetrics
    ) -> None:
        self._registry = registry
        self._upstream, self._ours = upstream, ours
        self._lock = threading.Lock()
        self._seen: dict[str, dict[int, _Seen]] = {}

    def has_model(self, model_name: str) -> bool:
        """Tells whether versions of the model have series."""
        return bool(self._seen.get(model_name))

    def has_version(self, model_name: str, number: int) -> bool:
        """Tells whether the version has series."""
        return number in self._seen.get(model_name, {})

    def observe(self, version: ServedVersion, state: State) -> None:
        """Shows the state a version has reached, and counts what has happened to it."""
        name, number = version.model_name, version.number
        with self._lock:
            versions = self._seen.setdefault(name, {})
            seen = versions.get(number)
            was_unloading = seen is not None and seen.state is State.UNLOADING
            if seen is None:
                seen = versions[number] = _Seen(state, version.path)
            seen.state, seen.path = state, version.path
            self._count(version, seen)
            if was_unloading and state is State.END:
                self._forget(name, number)
            available = [n for n, s in versions.items() if s.state is State.AVAILABLE]
            newest = max(available, default=number)
            for failed in [n for n, s in versions.items() if s.state is State.END]:
                if failed < newest:
                    self._forget(name, failed)
            if not versions:
                del self._seen[name]

    def warmed_up(
        self, path: str, seconds: float, records: int, code: Code = Code.OK
    ) -> None:
        """Counts a warm-up file that has been run; upstream knows no other warm-up."""
        self._upstream.warmup_latency.cell(path, code.name).add(seconds * MICROS)
        self._upstream.warmup_records.cell(path, code.name).add(records)

    def forget_model(self, model_name: str) -> None:
        """Drops the series of all versions."""
        with self._lock:
            for number in list(self._seen.get(model_name, {})):
                self._forget(model_name, number)
            self._seen.pop(model_name, None)

    def _count(self, version: ServedVersion, seen: _Seen) -> None:
        labels = (version.model_name, str(version.number))
        self._ours.model_state.cell(*labels).set(int(seen.state))
        self._count_failures(version, seen)
        if seen.state is State.AVAILABLE:
            load_s = version.load_s or 0.0
            self._upstream.load_count.cell(seen.path, "success").add()
            self._upstream.load_latency.cell(seen.path).add(round(load_s * MICROS))
            self._ours.load_seconds.cell(*labels).set(load_s)
            warmup = version.warmup
            self._ours.warmup_requests.cell(*labels, warmup.how).set(warmup.count)

    def _count_failures(self, version: ServedVersion, seen: _Seen) -> None:
        """Adds the attempts that have failed since the last look.

        A second look at one attempt, with an error, means that the attempt has failed;
        before, the error is that of the attempt before.
        """
        is_second_look = seen.attempts == version.attempts
        seen.attempts = version.attempts
        has_failed = version.error is not None and (
            seen.state is State.END or (seen.state is State.LOADING and is_second_look)
        )
        failures = version.attempts if has_failed else version.attempts - 1
        if failures > seen.failures:
            new = failures - seen.failures
            self._upstream.load_count.cell(seen.path, "fail").add(new)
            seen.failures = failures

    def _forget(self, model_name: str, number: int) -> None:
        seen = self._seen[model_name].pop(number)
        self._registry.remove(model_path=seen.path)
        self._registry.remove(model_name=model_name, version=str(number))
