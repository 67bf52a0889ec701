"""What a computed batch adds to the metrics: upstream's `batching_session`."""

from collections.abc import Sequence

from serving.server.observation.registry import Registry, exponential_bounds

_MICROS = 1_000_000
DEFAULT_POOL = "batch_threads"


class BatchMetrics:
    """Four histograms and a count; only of requests that went through a batch queue."""

    def __init__(self, registry: Registry) -> None:
        prefix = "/tensorflow/serving/batching_session"
        sizes = exponential_bounds(1, 2, 14)
        self._runs = registry.counter(f"{prefix}/wrapped_run_count")
        self._queuing = registry.histogram(
            f"{prefix}/queuing_latency",
            exponential_bounds(100, 1.2, 52),
            "thread_pool_name",
        )
        self._request_size = registry.histogram(
            f"{prefix}/input_batch_size", sizes, below_bound=True
        )
        self._batch_size = registry.histogram(
            f"{prefix}/processed_batch_size", sizes, below_bound=True
        )
        self._padding = registry.histogram(
            f"{prefix}/padding_size", sizes, "execution_batch_size", below_bound=True
        )

    def observe(
        self,
        queue_s: Sequence[float],
        rows: Sequence[int],
        executed_rows: int,
        thread_pool_name: str = "",
    ) -> None:
        """A batch has been computed, with whatever outcome.

        Args:
            queue_s: how long each of its requests waited.
            rows: how many rows each of them had.
            executed_rows: the size of the batch, padding included.
            thread_pool_name: as in the batching parameters.
        """
        self._runs.cell().add()
        self._batch_size.cell().add(executed_rows)
        padding = executed_rows - sum(rows)
        self._padding.cell(str(executed_rows)).add(padding)
        queuing = self._queuing.cell(thread_pool_name or DEFAULT_POOL)
        request_size = self._request_size.cell()
        for waited_s, count in zip(queue_s, rows, strict=True):
            queuing.add(waited_s * _MICROS)
            request_size.add(count)
