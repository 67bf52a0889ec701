"""Latency of one text: in process, over gRPC and over REST, side by side in one run.

    python -m benchmarks.latency [BASE_PATH] [--engine ENGINE] [--batching]

Without a path it builds a small text model (tokenizer, embedding, two dense layers).
Below the table: texts per second when eight threads ask at once.
"""

import argparse
import concurrent.futures
import pathlib
import tempfile
import time
from collections.abc import Callable

import numpy as np

from benchmarks.harness.in_process import signature_call
from benchmarks.harness.served import newest_version, small_model
from serving.client import Client
from serving.launch import presets, start_server

TEXT = "the quick brown fox jumps over the lazy dog and asks for the time of day"
ROUNDS = 500
THREADS = 8


def main() -> None:
    """Prints one line per way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_path", nargs="?", type=pathlib.Path)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--batching", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-model-") as folder:
        _compare(arguments.base_path or small_model(pathlib.Path(folder)), arguments)


def _compare(base_path: pathlib.Path, arguments: argparse.Namespace) -> None:
    local = signature_call(str(newest_version(base_path)))
    batching = presets.BATCHING if arguments.batching else None
    with start_server(base_path, engine=arguments.engine, batching=batching) as server:
        server.wait_until_ready()
        grpc_client = Client(server.grpc_endpoint)
        rest_client = Client(server.rest_endpoint, transport="rest")
        ways: dict[str, Callable[[], object]] = {
            "in process": lambda: local([TEXT]),
            "gRPC": lambda: grpc_client.classify([TEXT]),
            "REST": lambda: rest_client.classify([TEXT]),
        }
        # Interleaved, so that a noisy neighbour disturbs all alike.
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(arguments.rounds + 20):
            for name, call in ways.items():
                start = time.perf_counter()
                call()
                times[name].append((time.perf_counter() - start) * 1000)
        per_second = _throughput(grpc_client, arguments.rounds)
    _print(times, f"{server.engine}{', batching' if batching else ''}")
    print(f"{THREADS} threads over gRPC: {per_second:.0f} texts per second")


def _throughput(client: Client, rounds: int) -> float:
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: client.classify([TEXT]), range(rounds * 2)))
        return rounds * 2 / (time.perf_counter() - start)


def _print(times: dict[str, list[float]], engine: str) -> None:
    print(f"engine: {engine}; one text; milliseconds")
    print(f"{'':12}{'p50':>8}{'p99':>8}{'x in process':>14}")
    base = float(np.percentile(times["in process"][20:], 50))
    for name, values in times.items():
        p50, p99 = np.percentile(values[20:], [50, 99])
        print(f"{name:12}{p50:8.2f}{p99:8.2f}{p50 / base:14.2f}")


if __name__ == "__main__":
    main()
