"""One run from settings to result."""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Sequence

from benchmarks.load import batch_sizes, processor_time
from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import Generator, Window
from benchmarks.load.result import LoadResult, ServerSide, summarize
from benchmarks.load.sender import Sender


def run_load(
    config: LoadConfig,
    texts: Sequence[str],
    *,
    server_pid: int | None = None,
    metrics_url: str | None = None,
) -> LoadResult:
    """Loads the server at `config.endpoint` and reports; blocks for `total_s` or so.

    Args:
        config: what to send, and when.
        texts: gone through in order, over and over.
        server_pid: a process on this machine whose processor time to report.
        metrics_url: where the server's Prometheus metrics are, for batch sizes.
    """
    meters = _Meters(server_pid, metrics_url)

    async def measure() -> Window:
        sender = make_sender(config, texts)
        try:
            return await Generator(config, sender, meters.read).run()
        finally:
            await sender.close()

    before = meters.batches()
    with asyncio.Runner(loop_factory=_loop_factory(config)) as runner:
        window = runner.run(measure())
    after = meters.batches()
    server = ServerSide(
        cpu_s=meters.server_seconds(),
        mean_batch_size=batch_sizes.mean_between(before, after),
        batch_counts=batch_sizes.counts_between(before, after),
    )
    return summarize(config, window, meters.own_seconds(), server)


def make_sender(config: LoadConfig, texts: Sequence[str]) -> Sender:
    """Call it inside the event loop that will send."""
    # Imported here: who asks by REST needs no gRPC.
    if config.transport == "grpc":
        from benchmarks.load.grpc_sender import GrpcSender

        return GrpcSender(config, texts)
    from benchmarks.load.rest_sender import RestSender

    return RestSender(config, texts)


def _loop_factory(
    config: LoadConfig,
) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop for REST if it is there; gRPC has its own poller and gains nothing."""
    if config.transport == "rest" and importlib.util.find_spec("uvloop"):
        factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
            "uvloop"
        ).new_event_loop
        return factory
    return None


class _Meters:
    """Processor times at the window's edges, batch sizes before and after it all."""

    def __init__(self, server_pid: int | None, metrics_url: str | None) -> None:
        self._server_pid = server_pid
        self._metrics_url = metrics_url
        self._own_s: list[float] = []
        self._server_s: list[float | None] = []

    def read(self) -> None:
        self._own_s.append(processor_time.own_seconds())
        pid = self._server_pid
        self._server_s.append(None if pid is None else processor_time.tree_seconds(pid))

    def own_seconds(self) -> float:
        return self._own_s[-1] - self._own_s[0]

    def server_seconds(self) -> float | None:
        first, last = self._server_s[0], self._server_s[-1]
        return None if first is None or last is None else last - first

    def batches(self) -> batch_sizes.Histogram | None:
        return (
            None if self._metrics_url is None else batch_sizes.scrape(self._metrics_url)
        )
