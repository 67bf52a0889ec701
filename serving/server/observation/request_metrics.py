"""What the end of a request, or of a batch, adds to the metrics."""

import functools
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

_Cells = list[tuple[str, Number | Distribution]]
"""Where one kind of request counts: which of its amounts is added to which cell."""


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
        amounts = {
            "requests": 1,
            "request_bytes": record.request_bytes,
            "response_bytes": record.response_bytes,
            "rows": record.rows,
            "batch_rows": record.batch_rows,
            "total": record.total_s * MICROS,
            "queue": record.queue_s * MICROS,
            "run": record.run_s * MICROS,
            # Upstream's clock runs while a request waits in the batching session.
            "queue_and_run": (record.queue_s + record.run_s) * MICROS,
        }
        for amount, cell in self._cells.get(key) or self._find_cells(key):
            cell.add(amounts[amount])

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
        batches, batch_size, request_size = self._batch_cells
        batches.add()
        batch_size.add(executed_rows)
        padding = executed_rows - sum(rows)
        upstream.batch_padding.cell(str(executed_rows)).add(padding)
        queuing = upstream.batch_queuing.cell(thread_pool_name or DEFAULT_POOL)
        for waited_s, count in zip(queue_s, rows, strict=True):
            queuing.add(waited_s * MICROS)
            request_size.add(count)

    @functools.cached_property
    def _batch_cells(self) -> tuple[Number, Distribution, Distribution]:
        """Cells of all batches, which are shown from the first batch on."""
        upstream = self._upstream
        input_size = upstream.batch_input_size.cell()
        return upstream.batches.cell(), upstream.batch_size.cell(), input_size

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
        cells: _Cells = [
            ("requests", ours.request_count.cell(*labels)),
            ("request_bytes", ours.request_bytes.cell(model)),
            ("response_bytes", ours.response_bytes.cell(model)),
        ]
        is_ok = code == Code.OK
        is_inference = api.lower() in INFERENCE
        if is_inference or entrypoint != GRPC:
            cells.append(("requests", upstream.request_count.cell(model, status)))
            if is_ok:
                # Upstream has no API for a REST request that asks for no inference.
                name = api if is_inference else ""
                latency = upstream.request_latency.cell(model, name, entrypoint)
                cells.append(("total", latency))
        if is_ok and has_run:
            latency = ours.request_latency.cell(model, signature, entrypoint)
            cells.append(("total", latency))
            if is_inference:
                # Upstream runs REST through the gRPC calls and names those.
                runtime = upstream.runtime_latency.cell(model, api.capitalize(), "TF1")
                cells.append(("queue_and_run", runtime))
        if has_run:
            cells += [
                ("queue", ours.queue_latency.cell(model, signature)),
                ("run", ours.run_latency.cell(model, signature)),
                ("rows", ours.request_rows.cell(model, signature)),
                ("batch_rows", ours.batch_rows.cell(model, signature)),
            ]
        if is_ok and api == MULTI_INFERENCE:
            cells.append(("rows", upstream.example_counts.cell(model)))
            cells.append(("rows", upstream.example_total.cell(model)))
        return cells
