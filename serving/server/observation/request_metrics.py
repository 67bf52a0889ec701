"""What the end of a request, or of a batch, adds to the metrics."""

import dataclasses
import threading
from collections.abc import Callable, Sequence

from serving.server.observation.metrics import MICROS, OwnMetrics, UpstreamMetrics
from serving.server.observation.record import GRPC, RequestRecord
from serving.server.observation.registry import Distribution, Number
from serving.server.status import Code

UNKNOWN_MODEL = "<unknown>"
MAX_SIGNATURES = 200
"""Per model. A record names signatures that exist only; this is the second fence."""

INFERENCE = ("predict", "classify", "regress")
MULTI_INFERENCE = "MultiInference"
DEFAULT_POOL = "batch_threads"

_Key = tuple[str, str, str, int | None, str, int, bool]


@dataclasses.dataclass(slots=True)
class _Cells:
    """Where one kind of request counts."""

    counts: list[Number]
    bytes_in: Number
    bytes_out: Number
    latencies: list[Distribution]
    runtimes: list[Distribution]
    by_signature: tuple[Distribution, Distribution, Distribution, Distribution] | None
    examples: tuple[Distribution, Number] | None


class RequestMetrics:
    """Cells are looked up once per kind of request, so that a request costs little."""

    def __init__(
        self,
        upstream: UpstreamMetrics,
        ours: OwnMetrics,
        is_known: Callable[[str], bool],
        is_live: Callable[[str, int], bool],
    ) -> None:
        self._upstream, self._ours = upstream, ours
        self._is_known, self._is_live = is_known, is_live
        self._lock = threading.Lock()
        self._cells: dict[_Key, _Cells] = {}
        self._signatures: dict[str, set[str]] = {}
        self._batch_cells: tuple[Number, Distribution, Distribution] | None = None

    def observe(self, record: RequestRecord) -> None:
        """Counts a request that has ended."""
        has_run = record.run_s > 0
        key = (
            record.api,
            record.entrypoint,
            record.model_name,
            record.version,
            record.signature_name,
            int(record.code),
            has_run,
        )
        cells = self._cells.get(key)
        if cells is None:
            cells = self._find_cells(key)
        for number in cells.counts:
            number.add()
        cells.bytes_in.add(record.request_bytes)
        cells.bytes_out.add(record.response_bytes)
        for latency in cells.latencies:
            latency.add(record.total_s * MICROS)
        for runtime in cells.runtimes:
            # Upstream's clock runs while a request waits in the batching session.
            runtime.add((record.queue_s + record.run_s) * MICROS)
        if cells.by_signature is not None:
            queue, run, rows, batch_rows = cells.by_signature
            queue.add(record.queue_s * MICROS)
            run.add(record.run_s * MICROS)
            rows.add(record.rows)
            batch_rows.add(record.batch_rows)
        if cells.examples is not None:
            cells.examples[0].add(record.rows)
            cells.examples[1].add(record.rows)

    def observe_batch(
        self,
        queue_s: Sequence[float],
        rows: Sequence[int],
        executed_rows: int,
        thread_pool_name: str = "",
    ) -> None:
        """Counts a batch that has been computed, with whatever outcome.

        Args:
            queue_s: how long each of its requests waited.
            rows: how many rows each of them had.
            executed_rows: the size of the batch, padding included.
            thread_pool_name: as in the batching parameters.
        """
        upstream = self._upstream
        if self._batch_cells is None:
            self._batch_cells = (
                upstream.batches.cell(),
                upstream.batch_size.cell(),
                upstream.batch_input_size.cell(),
            )
        batches, batch_size, request_size = self._batch_cells
        batches.add()
        batch_size.add(executed_rows)
        padding = executed_rows - sum(rows)
        upstream.batch_padding.cell(str(executed_rows)).add(padding)
        queuing = upstream.batch_queuing.cell(thread_pool_name or DEFAULT_POOL)
        for waited_s, count in zip(queue_s, rows, strict=True):
            queuing.add(waited_s * MICROS)
            request_size.add(count)

    def forget_cells(self) -> None:
        """Looks everything up again: a version or a model has come or gone."""
        with self._lock:
            self._cells.clear()

    def forget_model(self, model_name: str) -> None:
        """Learns the model's signatures anew, should it come back."""
        with self._lock:
            self._signatures.pop(model_name, None)
            self._cells.clear()

    def _find_cells(self, key: _Key) -> _Cells:
        with self._lock:
            known = self._bounded(key)
            cells = self._cells.get(known)
            if cells is None:
                cells = self._cells[known] = self._make_cells(known)
            return cells

    def _bounded(self, key: _Key) -> _Key:
        """Returns the key without names that only a client has made up."""
        api, entrypoint, model, version, signature, code, has_run = key
        if not self._is_known(model):
            model = UNKNOWN_MODEL if model else ""
            return api, entrypoint, model, None, "", code, has_run
        if version is not None and not self._is_live(model, version):
            version = None
        seen = self._signatures.setdefault(model, set())
        if len(seen) < MAX_SIGNATURES:
            seen.add(signature)
        if signature not in seen:
            signature = ""
        return api, entrypoint, model, version, signature, code, has_run

    def _make_cells(self, key: _Key) -> _Cells:
        api, entrypoint, model, version, signature, code, has_run = key
        upstream, ours, status = self._upstream, self._ours, Code(code).name
        shown_version = "" if version is None else str(version)
        labels = (model, shown_version, signature, api, entrypoint, status)
        counts = [ours.request_count.cell(*labels)]
        latencies, runtimes = [], []
        is_ok = code == Code.OK
        is_inference = api.lower() in INFERENCE
        if is_inference or entrypoint != GRPC:
            counts.append(upstream.request_count.cell(model, status))
            if is_ok:
                # Upstream has no API for a REST request that asks for no inference.
                name = api if is_inference else ""
                latencies.append(upstream.request_latency.cell(model, name, entrypoint))
        if is_ok and has_run:
            latencies.append(ours.request_latency.cell(model, signature, entrypoint))
            if is_inference:
                # Upstream runs REST through the gRPC calls and names those.
                name = api.capitalize()
                runtimes.append(upstream.runtime_latency.cell(model, name, "TF1"))
        return _Cells(
            counts,
            ours.request_bytes.cell(model),
            ours.response_bytes.cell(model),
            latencies,
            runtimes,
            self._signature_cells(model, signature) if has_run else None,
            self._example_cells(model) if is_ok and api == MULTI_INFERENCE else None,
        )

    def _signature_cells(
        self, model: str, signature: str
    ) -> tuple[Distribution, Distribution, Distribution, Distribution]:
        ours, labels = self._ours, (model, signature)
        return (
            ours.queue_latency.cell(*labels),
            ours.run_latency.cell(*labels),
            ours.request_rows.cell(*labels),
            ours.batch_rows.cell(*labels),
        )

    def _example_cells(self, model: str) -> tuple[Distribution, Number]:
        upstream = self._upstream
        return upstream.example_counts.cell(model), upstream.example_total.cell(model)
