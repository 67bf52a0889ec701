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

# The amounts of a request, by their place in what `observe` makes of its record.
ONE, TOTAL, QUEUE, RUN, QUEUE_AND_RUN = range(5)
ROWS, BATCH_ROWS, REQUEST_BYTES, RESPONSE_BYTES = range(5, 9)

_Additions = list[tuple[int, Callable[[float], None]]]
"""Where one kind of request counts: which amount is given to which cell's `add`."""


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
        self._additions: dict[_Key, _Additions] = {}
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
        amounts = (
            1,
            record.total_s * MICROS,
            record.queue_s * MICROS,
            record.run_s * MICROS,
            # Upstream's clock runs while a request waits in the batching session.
            (record.queue_s + record.run_s) * MICROS,
            record.rows,
            record.batch_rows,
            record.request_bytes,
            record.response_bytes,
        )
        for place, add in self._additions.get(key) or self._find(key):
            add(amounts[place])

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
            self._additions.clear()

    def forget_model(self, model_name: str) -> None:
        """Learns the model's signatures anew, should it come back."""
        with self._lock:
            self._signatures.pop(model_name, None)
            self._additions.clear()

    def _find(self, key: _Key) -> _Additions:
        with self._lock:
            known = self._bounded(key)
            additions = self._additions.get(known)
            if additions is None:
                additions = self._additions[known] = self._additions_of(known)
            return additions

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

    def _additions_of(self, key: _Key) -> _Additions:
        api, entrypoint, model, version, signature, code, has_run = key
        upstream, ours, status = self._upstream, self._ours, Code(code).name
        shown_version = "" if version is None else str(version)
        labels = (model, shown_version, signature, api, entrypoint, status)
        additions: _Additions = [
            (ONE, ours.request_count.cell(*labels).add),
            (REQUEST_BYTES, ours.request_bytes.cell(model).add),
            (RESPONSE_BYTES, ours.response_bytes.cell(model).add),
        ]
        is_ok = code == Code.OK
        is_inference = api.lower() in INFERENCE
        if is_inference or entrypoint != GRPC:
            additions.append((ONE, upstream.request_count.cell(model, status).add))
            if is_ok:
                # Upstream has no API for a REST request that asks for no inference.
                name = api if is_inference else ""
                latency = upstream.request_latency.cell(model, name, entrypoint)
                additions.append((TOTAL, latency.add))
        if is_ok and has_run:
            latency = ours.request_latency.cell(model, signature, entrypoint)
            additions.append((TOTAL, latency.add))
            if is_inference:
                # Upstream runs REST through the gRPC calls and names those.
                runtime = upstream.runtime_latency.cell(model, api.capitalize(), "TF1")
                additions.append((QUEUE_AND_RUN, runtime.add))
        if has_run:
            additions += [
                (QUEUE, ours.queue_latency.cell(model, signature).add),
                (RUN, ours.run_latency.cell(model, signature).add),
                (ROWS, ours.request_rows.cell(model, signature).add),
                (BATCH_ROWS, ours.batch_rows.cell(model, signature).add),
            ]
        if is_ok and api == MULTI_INFERENCE:
            additions.append((ROWS, upstream.example_counts.cell(model).add))
            additions.append((ROWS, upstream.example_total.cell(model).add))
        return additions
