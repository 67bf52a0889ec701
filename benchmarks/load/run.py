"""One run from settings to result."""

import asyncio
import importlib
import importlib.util
from collections.abc import Callable, Sequence

from benchmarks.load.config import LoadConfig
from benchmarks.load.generator import Generator, Sender, Window
from benchmarks.load.meters import Meters, counts_between, mean_between
from benchmarks.load.result import LoadResult, ServerSide, summarize


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
    meters = Meters(server_pid, metrics_url)

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
        mean_batch_size=mean_between(before, after),
        batch_counts=counts_between(before, after),
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
