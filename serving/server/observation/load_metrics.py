"""What loading, warming up and the states of versions add to the metrics."""

from serving.server.models.version import ServedVersion, State
from serving.server.observation.registry import Registry, exponential_bounds
from serving.server.status import Code

_MICROS = 1_000_000


class LoadMetrics:
    """Made from the versions as they are after each change of state."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._paths: dict[tuple[str, int], str] = {}
        self._attempts: dict[tuple[str, int], int] = {}
        self._failures: dict[tuple[str, int], int] = {}
        self._add_upstream(registry)
        prefix, labels = "/ktp/serving", ("model_name", "version")
        self._state = registry.gauge(f"{prefix}/model_state", *labels)
        self._load_s = registry.gauge(f"{prefix}/model_load_seconds", *labels)
        self._warmup = registry.gauge(
            f"{prefix}/model_warmup_requests", *labels, "source"
        )

    def observe(self, version: ServedVersion, state: State) -> None:
        """Shows the state a version has reached, and counts what has happened to it."""
        key = (version.model_name, version.number)
        labels = (version.model_name, str(version.number))
        self._paths[key] = version.path
        self._state.cell(*labels).set(int(state))
        self._count_failures(version, state)
        if state is State.AVAILABLE:
            load_s = version.load_s or 0.0
            self._load_count.cell(version.path, "success").add()
            self._load_latency.cell(version.path).add(round(load_s * _MICROS))
            self._load_s.cell(*labels).set(load_s)
            warmup = version.warmup
            self._warmup.cell(*labels, warmup.how).set(warmup.count)

    def warmed_up(
        self, path: str, seconds: float, records: int, code: Code = Code.OK
    ) -> None:
        """A warm-up file has been run; upstream knows no other warm-up."""
        self._warmup_latency.cell(path, code.name).add(seconds * _MICROS)
        self._warmup_records.cell(path, code.name).add(records)

    def forget(self, model_name: str, version: int) -> None:
        """Drops the series of one version."""
        key = (model_name, version)
        self._attempts.pop(key, None)
        self._failures.pop(key, None)
        path = self._paths.pop(key, None)
        if path is not None:
            self._registry.remove(model_path=path)
        self._registry.remove(model_name=model_name, version=str(version))

    def _count_failures(self, version: ServedVersion, state: State) -> None:
        """Adds the attempts that have failed since the last look.

        A second look at one attempt, with an error, means that the attempt has failed;
        before, the error is that of the attempt before.
        """
        key = (version.model_name, version.number)
        is_second_look = self._attempts.get(key) == version.attempts
        self._attempts[key] = version.attempts
        has_failed = version.error is not None and (
            state is State.END or (state is State.LOADING and is_second_look)
        )
        failures = version.attempts if has_failed else version.attempts - 1
        new = failures - self._failures.get(key, 0)
        if new > 0:
            self._failures[key] = failures
            self._load_count.cell(version.path, "fail").add(new)

    def _add_upstream(self, registry: Registry) -> None:
        saved_model = "/tensorflow/cc/saved_model"
        labels = ("model_path", "status")
        self._load_count = registry.counter(
            f"{saved_model}/load_attempt_count", *labels
        )
        self._load_latency = registry.counter(
            f"{saved_model}/load_latency", "model_path"
        )
        serving = "/tensorflow/serving"
        self._warmup_latency = registry.histogram(
            f"{serving}/model_warmup_latency", exponential_bounds(10, 1.8, 33), *labels
        )
        self._warmup_records = registry.counter(
            f"{serving}/model_warmup_records_read", *labels
        )
