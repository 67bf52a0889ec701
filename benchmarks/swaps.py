"""Version after version under load: does a request fail, does memory grow?

    python -m benchmarks.swaps --swaps 1000

A version is pushed as Pusher does it: copied beside, renamed into place. When its first
answer has come, the one before is deleted and the next is pushed. Prints a table and
draws the server's memory. The exit status is 1 if a request failed or memory grew by
more than 5 %.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence

from benchmarks.harness import plot
from benchmarks.harness.background import BackgroundLoad
from benchmarks.harness.machine import machine_facts
from benchmarks.harness.served import COMMANDS, ServedModel, newest_version, small_model
from benchmarks.load.config import LoadConfig
from benchmarks.load.meters import resident_bytes
from benchmarks.load.payloads import read_texts
from serving.client import protos
from serving.launch.model_folder import find_base_path
from tests.support.repository import ROOT

_TEXTS = ROOT / "data" / "velora" / "test.csv"
SWAP_LIMIT_S = 60.0
MAX_GROWTH = 0.05
# Allocators and thread pools fill in the first swaps; memory is compared after them.
WARM_UP_SHARE = 0.1
ROW = "{:>7}{:>12}{:>10}{:>12}{:>14}"


@dataclasses.dataclass(frozen=True)
class Swap:
    """The server after one swap."""

    seconds: float
    resident_mb: float
    answered: int
    failed: int


class LiveVersion:
    """The version that answered last, as the load sees it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._version = 0

    def note(self, transport: str, answer: bytes) -> None:
        """Takes an answer of either transport; only gRPC's says its version."""
        if transport == "grpc":
            response = protos.PredictResponse.FromString(answer)
            with self._changed:
                self._version = max(response.model_spec.version.value, self._version)
                self._changed.notify()

    def wait_for(self, version: int) -> bool:
        """Whether that version answered in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._version >= version, SWAP_LIMIT_S
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Swaps, prints, draws; the exit status."""
    options = _parser().parse_args(arguments)
    texts = read_texts(options.texts)
    print(ROW.format("swaps", "resident MB", "s/swap", "answered", "failed"))
    with tempfile.TemporaryDirectory(prefix="bench-swaps-") as folder:
        place = pathlib.Path(folder)
        model = options.model or small_model(place / "model", options.engine, 512)
        source = newest_version(find_base_path(model))
        swaps: list[Swap] = []
        failures: list[str] = []
        for swap in _swap(place, source, texts, options, failures):
            swaps.append(swap)
            if len(swaps) % options.every == 0 or len(swaps) == options.swaps:
                _print(swaps, options.every)
    growth = growth_of([swap.resident_mb for swap in swaps])
    print(f"{swaps[-1].failed} failed; memory grew by {growth:.1%} after the warm-up")
    for failure in failures[:5]:
        print(f"  {failure}")
    _write(options.output, swaps, growth)
    return 1 if swaps[-1].failed or growth > MAX_GROWTH else 0


def _swap(
    place: pathlib.Path,
    source: pathlib.Path,
    texts: Sequence[str],
    options: argparse.Namespace,
    failures: list[str],
) -> Iterator[Swap]:
    base = place / "served"
    push(source, base, 1)
    live = LiveVersion()
    with ServedModel(base, engine=options.engine) as server:
        configs = [
            LoadConfig(
                endpoint=server.endpoint(transport),
                transport=transport,
                clients=options.clients,
            )
            for transport in ("grpc", "rest")
        ]
        with BackgroundLoad(configs, texts, live.note) as load:
            for version in range(2, options.swaps + 2):
                started_s = time.monotonic()
                push(source, base, version)
                if not live.wait_for(version):
                    raise RuntimeError(f"No version {version}:\n{server.log_tail()}")
                shutil.rmtree(base / str(version - 1))
                yield Swap(
                    time.monotonic() - started_s,
                    resident_bytes(server.process_id) / 1e6,
                    load.answered.total(),
                    len(load.failures),
                )
        failures += sorted({f"{f.kind}: {f.detail}" for f in load.failures})


def push(source: pathlib.Path, base: pathlib.Path, version: int) -> None:
    """Makes `source` appear as that version, whole, at one moment."""
    base.mkdir(exist_ok=True)
    beside = base.parent / f"pushing-{version}"
    shutil.copytree(source, beside, copy_function=os.link)
    beside.rename(base / str(version))


def growth_of(sizes: Sequence[float]) -> float:
    """From just after the warm-up to the end, medians of a tenth of all each."""
    tenth = max(len(sizes) // 10, 1)
    start = int(len(sizes) * WARM_UP_SHARE)
    before = statistics.median(sizes[start : start + tenth])
    return statistics.median(sizes[-tenth:]) / before - 1


def _print(swaps: Sequence[Swap], every: int) -> None:
    last = swaps[-every:]
    mean_s = statistics.mean(swap.seconds for swap in last)
    now = last[-1]
    cells = (f"{now.resident_mb:.1f}", f"{mean_s:.2f}", now.answered, now.failed)
    print(ROW.format(len(swaps), *cells), flush=True)


def _write(folder: pathlib.Path, swaps: Sequence[Swap], growth: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        **machine_facts(),
        "growth": growth,
        "swaps": [dataclasses.asdict(swap) for swap in swaps],
    }
    (folder / "swaps.json").write_text(json.dumps(content), encoding="utf-8")
    points = list(zip(itertools.count(1), (s.resident_mb for s in swaps), strict=False))
    chart = plot.Chart(
        title=f"The server's memory over {len(swaps)} version swaps under load",
        note=f"{swaps[-1].answered:,} answers, {swaps[-1].failed} failures; "
        f"{growth:+.1%} after the first tenth",
        x_axis=plot.linear_axis("swaps", [len(swaps)]),
        y_axis=plot.linear_axis("resident, MB", [y for _, y in points]),
        series=[plot.Series(name="resident memory", css="blue", points=points)],
    )
    (folder / "swaps.svg").write_text(plot.draw(chart), encoding="utf-8")
    print(f"Written to {folder}: swaps.json, swaps.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--swaps", type=int, default=200)
    add("--every", type=int, default=50, help="so many swaps, a line")
    add("--clients", type=int, default=4, help="of each transport")
    add("--model", type=pathlib.Path, help="default: a small one, built now")
    add("--texts", type=pathlib.Path, default=_TEXTS)
    add("--engine", choices=[*COMMANDS], default="embedded")
    add("--output", type=pathlib.Path, default=ROOT / "runs" / "bench-swaps")
    return parser


if __name__ == "__main__":
    sys.exit(main())
