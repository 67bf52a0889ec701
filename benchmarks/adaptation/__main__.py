"""Every way of fine-tuning on one data set, from the same weights, side by side.

    python -m benchmarks.adaptation --pretrained DIR [--data velora] [--seeds 1 2 3]

Each way is a process of its own, so that its memory can be measured; what is done is
kept in the output folder, and the same command goes on from there. Ends with a table
and a drawing.
"""

import argparse
import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.adaptation import outcome
from benchmarks.adaptation.outcome import Outcome
from benchmarks.adaptation.ways import WAYS
from benchmarks.harness.machine import machine_facts


def main() -> None:
    """Trains what is missing, then writes table.md and comparison.svg."""
    arguments = _parser().parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    outcomes = list(_outcomes(arguments))
    table = outcome.table(outcomes)
    facts = machine_facts()
    note = (
        f"{arguments.data}, {arguments.epochs} epochs, {len(arguments.seeds)} seeds; "
        f"{facts['processor']}, {facts['cores']} cores"
    )
    (arguments.output / "table.md").write_text(f"{note}\n\n{table}")
    drawn = outcome.drawing(outcomes, "Ways of fine-tuning", note)
    (arguments.output / "comparison.svg").write_text(drawn)
    print(f"\n{note}\n\n{table}\n{arguments.output / 'comparison.svg'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pretrained", required=True, help="folder of the encoder")
    parser.add_argument("--data", default="data/velora", help="as for ktp run")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rows", type=int, help="train on that many rows at most")
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/adaptation")
    )
    return parser


def _outcomes(arguments: argparse.Namespace) -> Iterator[Outcome]:
    """Trains way after way, seed after seed; those that are done are read."""
    jobs = [(name, seed) for seed in arguments.seeds for name in arguments.ways]
    for number, (name, seed) in enumerate(jobs, 1):
        request = {
            "name": name,
            "seed": seed,
            "settings": dict(WAYS[name]) | {"training.max_epochs": arguments.epochs},
            "pretrained": arguments.pretrained,
            "data": arguments.data,
            "rows": arguments.rows,
            "work_dir": str(arguments.output),
        }
        print(f"[{number}/{len(jobs)}] {name}, seed {seed}", flush=True)
        yield _done(request, arguments.output)


def _done(request: dict[str, object], folder: pathlib.Path) -> Outcome:
    path = folder / f"{request['name']}-{request['seed']}.json".replace(" ", "")
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["request"] == request:
            return Outcome(**kept["outcome"])
    command = [sys.executable, "-m", "benchmarks.adaptation.train_one"]
    done = subprocess.run(
        [*command, json.dumps(request)], stdout=subprocess.PIPE, text=True, check=True
    )
    found = Outcome(**json.loads(done.stdout.splitlines()[-1]))
    kept = {"request": request, "outcome": dataclasses.asdict(found)}
    path.write_text(json.dumps(kept))
    return found


if __name__ == "__main__":
    main()
