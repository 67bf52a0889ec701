"""The limit: the same signature, called directly in a process of its own.

`InProcess` starts `python -m benchmarks.harness.in_process MODEL TEXTS` and asks it for
one measurement after the other, so that they can alternate with those of a server.
"""

import concurrent.futures
import dataclasses
import itertools
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from benchmarks.harness.placement import Cores, on_cores
from benchmarks.load.payloads import read_texts
from model import contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class DirectCalls:
    """So many threads that call the signature with so many texts, over and over."""

    rows: int
    threads: int
    texts_per_s: float
    cpu_us_per_text: float
    p50_ms: float
    p99_ms: float


class InProcess:
    """A process with the model in it, idle between measurements."""

    def __init__(
        self, version_dir: pathlib.Path, texts: pathlib.Path, column: str, cores: Cores
    ) -> None:
        command = [sys.executable, "-m", __spec__.name]
        with on_cores(cores):
            self._process = subprocess.Popen(
                [*command, str(version_dir), str(texts), column],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
            )

    def measure(self, rows: int, threads: int, seconds: float) -> DirectCalls:
        """Blocks for about `seconds`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        question = {"rows": rows, "threads": threads, "seconds": seconds}
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return DirectCalls(**json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()


def measure(
    call: Callable[[Sequence[str]], Any],
    texts: Sequence[str],
    *,
    rows: int,
    threads: int,
    seconds: float,
) -> DirectCalls:
    """Calls from `threads` threads until the time is over."""
    batches = [
        [texts[(start + i) % len(texts)] for i in range(rows)]
        for start in range(0, max(len(texts) - rows + 1, 1), rows)
    ]
    turns = itertools.count()
    ends_s = time.perf_counter() + seconds

    def one_thread() -> list[float]:
        times = []
        while (start := time.perf_counter()) < ends_s:
            call(batches[next(turns) % len(batches)])
            times.append(time.perf_counter() - start)
        return times

    cpu_s, start_s = time.process_time(), time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(one_thread) for _ in range(threads)]
        times = [t for future in futures for t in future.result()]
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - start_s
    count = len(times) * rows
    p50, p99 = np.percentile(times, [50, 99]) * 1000
    return DirectCalls(
        rows=rows,
        threads=threads,
        texts_per_s=count / wall_s,
        cpu_us_per_text=cpu_s / count * 1e6,
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


def signature_call(version_dir: str) -> Callable[[Sequence[str]], Any]:
    """The model of the folder as a function of texts; imports TensorFlow."""
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    loaded = tf.saved_model.load(version_dir)
    signature = loaded.signatures[contract.Signature.SERVING_DEFAULT]

    def call(batch: Sequence[str]) -> Any:
        outputs = signature(**{contract.TEXT: tf.constant(batch)})
        # The reference to `loaded` keeps its variables alive.
        return loaded, [tensor.numpy() for tensor in outputs.values()]

    return call


def main() -> None:
    """Answers one JSON line with another until the input ends."""
    version_dir, texts_path, column = sys.argv[1:]
    call = signature_call(version_dir)
    texts = read_texts(pathlib.Path(texts_path), column)
    for _ in range(20):
        call(texts[:1])
    for line in sys.stdin:
        print(json.dumps(dataclasses.asdict(measure(call, texts, **json.loads(line)))))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
