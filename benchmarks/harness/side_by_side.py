"""A server and the in-process limit, measured in turns on the same cores."""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness.in_process import DirectCalls, InProcess
from benchmarks.harness.machine import Disturbance
from benchmarks.harness.placement import Cores, Placement, on_cores
from benchmarks.harness.served import ServedModel, newest_version
from serving.launch import presets

ROWS = (1, 8, 16, 32, 64, 128)
THREADS = (1, 2)
# Shares of what 64 clients got, for the sweep over arrival rates.
STEPS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0)
MEDIAN_OF = ("requests_per_s", "client_cpu_us", "server_cpu_us", "mean_batch_size")

Result = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class BenchConfig:
    """What to measure, and for how long each time."""

    base_path: pathlib.Path
    texts: tuple[pathlib.Path, str]
    engine: str = "embedded"
    transports: tuple[str, ...] = ("grpc", "rest")
    clients: tuple[int, ...] = (1, 8, 64)
    rounds: int = 3
    seconds: float = 2.0
    max_batch_size: int = 64
    steps: tuple[float, ...] = STEPS


@dataclasses.dataclass(frozen=True, kw_only=True)
class SideBySide:
    """Medians over the rounds. `best` is the in-process limit, `single` one text."""

    placement: Placement
    single: DirectCalls
    best: DirectCalls
    direct: tuple[DirectCalls, ...]
    closed: tuple[Result, ...]
    swept: tuple[Result, ...]
    # Cores that other programs kept busy meanwhile; above 0.1, measure again.
    disturbance: float = 0.0

    def point(self, transport: str, clients: int) -> Result | None:
        """The closed-loop run with so many clients."""
        matches = (
            result
            for result in self.closed
            if (result["transport"], result["clients"]) == (transport, clients)
        )
        return next(matches, None)

    def fair_share(self, client_cpu_us: float) -> float:
        """Texts per second if the server cost nothing beyond the model.

        The client's time is real work too. On shared cores it comes out of the same
        pot; on its own cores it is a limit by itself.
        """
        model_us, cores = self.best.cpu_us_per_text, self.placement
        if cores.is_shared:
            ceiling = len(cores.server) / (model_us + client_cpu_us) * 1e6
        else:
            ceiling = len(cores.client) / client_cpu_us * 1e6
        return min(ceiling, self.best.texts_per_s)


def measure(config: BenchConfig, placement: Placement) -> SideBySide:
    """Starts server and in-process model on the placement's cores and compares them."""
    batching = None
    if config.max_batch_size:
        batching = dataclasses.replace(
            presets.BATCHING, max_batch_size=config.max_batch_size
        )
    version_dir = newest_version(config.base_path)
    with (
        ServedModel(
            config.base_path,
            engine=config.engine,
            cores=placement.server,
            batching=batching,
        ) as server,
        InProcess(version_dir, *config.texts, placement.server) as direct,
        Disturbance() as others,
    ):
        result = _Rounds(config, placement, server, direct).run()
    return dataclasses.replace(result, disturbance=others.cores)


class _Rounds:
    def __init__(
        self,
        config: BenchConfig,
        placement: Placement,
        server: ServedModel,
        direct: InProcess,
    ) -> None:
        self._config = config
        self._placement = placement
        self._server = server
        self._direct = direct

    def run(self) -> SideBySide:
        single, batched = [], []
        closed: list[list[Result]] = []
        for _ in range(self._config.rounds):
            single.append(self._direct.measure(1, 1, self._config.seconds / 2))
            closed.append(
                [
                    self._load(transport, clients=clients)
                    for clients in self._config.clients
                    for transport in self._config.transports
                ]
            )
            batched.append(
                [
                    self._direct.measure(rows, threads, self._config.seconds / 5)
                    for rows in ROWS
                    for threads in THREADS
                ]
            )
        direct = tuple(_median_calls(calls) for calls in zip(*batched, strict=True))
        medians = tuple(median_result(runs) for runs in zip(*closed, strict=True))
        return SideBySide(
            placement=self._placement,
            single=_median_calls(single),
            best=max(direct, key=lambda calls: calls.texts_per_s),
            direct=direct,
            closed=medians,
            swept=self._sweep(medians),
        )

    def _sweep(self, closed: Sequence[Result]) -> tuple[Result, ...]:
        most = {
            t: max(r["requests_per_s"] for r in closed if r["transport"] == t)
            for t in self._config.transports
        }
        return tuple(
            self._load(transport, rate=round(most[transport] * step, 1))
            for step in self._config.steps
            for transport in self._config.transports
        )

    def _load(self, transport: str, **how: float) -> Result:
        result = _run_load(
            self._server,
            self._placement.client,
            self._config.texts,
            transport,
            duration=self._config.seconds,
            warm_up=min(self._config.seconds / 2, 1.0),
            **how,
        )
        ours = {"transport": transport, "clients": None, "rate": None, **how}
        return {**result, **ours}


def _median_calls(calls: Sequence[DirectCalls]) -> DirectCalls:
    rows, threads = calls[0].rows, calls[0].threads
    measured = {
        field.name: statistics.median(getattr(one, field.name) for one in calls)
        for field in dataclasses.fields(DirectCalls)
    }
    return DirectCalls(**{**measured, "rows": rows, "threads": threads})


def median_result(runs: Sequence[Result]) -> Result:
    """Medians of times and rates, sums of errors."""
    merged = dict(runs[0])
    for name in MEDIAN_OF:
        values = [run[name] for run in runs if run[name] is not None]
        merged[name] = statistics.median(values) if values else None
    merged["latency_ms"] = {
        name: statistics.median(
            run["latency_ms"][name] for run in runs if run["latency_ms"]
        )
        for name in runs[0]["latency_ms"]
    }
    merged["errors"] = {
        kind: sum(run["errors"].get(kind, 0) for run in runs)
        for kind in {kind for run in runs for kind in run["errors"]}
    }
    merged["error_examples"] = {
        k: v for r in runs for k, v in r["error_examples"].items()
    }
    return merged


def _run_load(
    server: ServedModel,
    cores: Cores,
    texts: tuple[pathlib.Path, str],
    transport: str,
    **options: Any,
) -> Mapping[str, Any]:
    """The result of `python -m benchmarks.load`, a process of its own, by its flags."""
    path, column = texts
    command = [
        *(sys.executable, "-m", "benchmarks.load", "--json"),
        *("--endpoint", server.endpoint(transport)),
        *("--texts", str(path), "--text-column", column),
        *("--server-pid", str(server.process_id), "--metrics", server.metrics_url),
        *(["--rest"] if transport == "rest" else []),
    ]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    with on_cores(cores):
        # Status 1 means that requests failed, which the result tells.
        finished = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return dict(json.loads(finished.stdout))
