"""A server under load, always next to the same model called in process.

    make bench-serving
    python -m benchmarks.serving --model DIR --texts FILE.csv

DIR is the output of `ktp run` or a folder with version directories; without it a small
text model is built. Twice: with client and server on cores of their own, and sharing
all cores. Writes result.json, index.html and one SVG per placement; takes five minutes.
"""

import argparse
import dataclasses
import json
import pathlib
import shlex
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.harness import serving_report
from benchmarks.harness.machine import machine_facts
from benchmarks.harness.placement import placements
from benchmarks.harness.served import COMMANDS, small_model
from benchmarks.harness.side_by_side import BenchConfig, SideBySide, measure
from benchmarks.harness.targets import targets
from model import contract
from serving.launch.model_folder import find_base_path
from tests.support.repository import ROOT

_TEXTS = ROOT / "data" / "velora" / "test.csv"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints, writes."""
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-model-") as folder:
        model = find_base_path(options.model or small_model(pathlib.Path(folder)))
        config = BenchConfig(
            base_path=model,
            texts=(options.texts, options.text_column),
            engine=options.engine,
            transports=tuple(options.transports),
            clients=tuple(options.clients),
            rounds=options.rounds,
            seconds=options.seconds,
            max_batch_size=options.max_batch_size,
        )
        if options.quick:
            config = dataclasses.replace(
                config, rounds=1, seconds=1.0, steps=(0.3, 0.7, 0.9)
            )
        facts = _facts(options)
        results = []
        for placement in placements():
            if placement.name in options.placements:
                results.append(measure(config, placement))
                print(serving_report.to_text(results[-1]), "\n", flush=True)
    _write(options.output, config, results, facts)


def _facts(options: argparse.Namespace) -> dict[str, Any]:
    shown = ["python", "-m", "benchmarks.serving", *sys.argv[1:]]
    return {
        "model": options.model.name if options.model else "built-in text model",
        "texts": options.texts.name,
        "command": shlex.join(shown),
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        **machine_facts(),
    }


def _write(
    folder: pathlib.Path,
    config: BenchConfig,
    results: Sequence[SideBySide],
    facts: dict[str, Any],
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        **facts,
        "config": dataclasses.asdict(config),
        "placements": [
            {
                **dataclasses.asdict(result),
                "targets": [dataclasses.asdict(target) for target in targets(result)],
            }
            for result in results
        ],
    }
    text = json.dumps(content, indent=1, default=_plain)
    (folder / "result.json").write_text(text, encoding="utf-8")
    (folder / "index.html").write_text(serving_report.page(results, facts), "utf-8")
    for result in results:
        picture = serving_report.chart(result, facts["model"])
        (folder / f"{result.placement.name}.svg").write_text(picture, "utf-8")
    print(f"Written to {folder}: result.json, index.html, SVG files")


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=pathlib.Path, help="default: a small one, built now")
    add("--texts", type=pathlib.Path, default=_TEXTS, help=".csv, .jsonl, or lines")
    add("--text-column", default=contract.TEXT)
    add("--engine", choices=[*COMMANDS], default="embedded")
    add("--transports", nargs="+", choices=["grpc", "rest"], default=["grpc", "rest"])
    add("--clients", nargs="+", type=int, default=[1, 8, 64])
    names = [placement.name for placement in placements()]
    add("--placements", nargs="+", choices=names, default=names)
    add("--rounds", type=int, default=3, help="medians over so many")
    add("--seconds", type=float, default=2.0, help="of each measurement")
    add("--max-batch-size", type=int, default=64, help="0: no batching")
    add("--quick", action="store_true", help="one short round, to see that it works")
    add("--output", type=pathlib.Path, default=ROOT / "runs" / "bench-serving")
    return parser


if __name__ == "__main__":
    main()
