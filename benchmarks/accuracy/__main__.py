"""How accurate is each way of training, on which data, with which spread?

    make accuracy
    make accuracy ARGS="--pretrained DIR --datasets banking77 --variants full,lora"

Every measurement is a run of `ktp run --json` and becomes a line of a file that is
committed; tables and drawings are made from that file. What is in it is not measured
again: stop whenever you like, start again, and it goes on with the next.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.accuracy import matrix
from benchmarks.accuracy.matrix import Cell
from benchmarks.accuracy.measure import measure
from benchmarks.accuracy.pages import write_pages
from benchmarks.accuracy.records import Record, RecordFile
from benchmarks.accuracy.tables import long_tables
from pipeline.errors import UserError
from tests.support.repository import ROOT

_RECORDS = Path("docs") / "decisions" / "accuracy.jsonl"
Measure = Callable[[Cell, Path], Record]


def main(
    arguments: Sequence[str] | None = None,
    measure: Measure = measure,
    root: Path = ROOT,
) -> int:
    """Measures what is missing and renders; gives the number of failures."""
    options = _parser().parse_args(arguments)
    records = RecordFile(options.records or root / _RECORDS)
    failed: list[str] = []
    try:
        if not options.render:
            failed = _measure_all(options, records, measure)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    finally:  # Also after Ctrl-C: what was measured is shown.
        if options.records:
            print(long_tables(records.read()))
        elif not options.list:
            for path in write_pages(records.read(), root):
                print(f"wrote {path}")
    for told in failed:
        print(f"failed: {told}", file=sys.stderr)
    return len(failed)


def _measure_all(
    options: argparse.Namespace, records: RecordFile, measure: Measure
) -> list[str]:
    """Goes through what is left; what fails is told, and the next one begins."""
    wanted = list(_cells(options))
    left = wanted if options.again else records.unfinished(wanted)
    print(f"{len(wanted)} measurements, {len(left)} of them left")
    failed = []
    for number, cell in enumerate(left, 1):
        name = cell.folder_name
        print(f"[{number}/{len(left)}] {name}", flush=True)
        if options.list:
            continue
        try:
            record = measure(cell, options.work.absolute())
        except UserError as error:
            failed.append(f"{name}: {error}")
            continue
        records.append(record)
        print(f"    {record.headline:.2%} in {record.wall_s:.0f} s", flush=True)
    return failed


def _cells(options: argparse.Namespace) -> Sequence[Cell]:
    encoder = None
    if options.pretrained:
        name = options.pretrained_name or options.pretrained.absolute().name
        encoder = matrix.Encoder(folder=options.pretrained.absolute(), name=name)
    return list(
        matrix.cells(
            options.datasets,
            matrix.variants_named(options.variants),
            options.seeds,
            encoder,
            options.set,
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [variant.name for variant in matrix.VARIANTS]
    add = parser.add_argument
    add("--datasets", type=_words, default=list(matrix.DATASETS), help="A,B,…")
    add("--variants", type=_words, default=names, help=f"Of {', '.join(names)}.")
    add("--seeds", type=_numbers, default=[1, 2, 3], help="1,2,…")
    add("--pretrained", type=Path, help="Folder of an encoder; without it, none.")
    add("--pretrained-name", help="What the tables call it.  [its folder's name]")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="For all.")
    add("--work", type=Path, default=ROOT / "runs" / "accuracy", help="For the runs.")
    add(
        "--records",
        type=Path,
        help="Another file of what was measured; its tables are only printed.",
    )
    add("--list", action="store_true", help="Say what is left, and do nothing.")
    add("--render", action="store_true", help="Measure nothing; render.")
    add("--again", action="store_true", help="Measure what is in the file, too.")
    return parser


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _numbers(text: str) -> list[int]:
    return [int(word) for word in _words(text)]


if __name__ == "__main__":
    sys.exit(min(main(), 1))
