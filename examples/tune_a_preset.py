"""Tries settings of a preset and says which is best, by validation accuracy.

Each argument is a trial: settings as `ktp run --set` takes them, joined by commas.

    python -m examples.tune_a_preset --data data/velora --preset tiny \
        training.learning_rate=1e-3 training.learning_rate=3e-3,training.max_epochs=5

Choose by the validation split, never by the test split: what was chosen by the test
split looks better there than it is. Differences below a point are mostly noise; repeat
the best with `training.seed=2` before you believe in it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

Facts = Mapping[str, Any]
"""What `ktp run --json` ends with."""


@click.command()
@click.argument("trials", nargs=-1, required=True)
@click.option("--data", required=True, help="As `ktp run` takes it.")
@click.option("--preset", default="small", show_default=True)
@click.option("--output", default="runs/tuning", show_default=True)
def main(trials: Sequence[str], data: str, preset: str, output: str) -> None:
    """Train once for each of TRIALS and compare them."""
    found = tune(trials, ["--data", data, "--preset", preset], Path(output), ktp_run)
    print(table(found))


def tune(
    trials: Sequence[str],
    options: Sequence[str],
    output: Path,
    run: Callable[[Sequence[str]], Facts],
) -> dict[str, Facts]:
    """What came of each trial. Each has a folder below `output`, which is its cache."""
    found = {}
    for number, trial in enumerate(trials, 1):
        print(f"[{number}/{len(trials)}] {trial}", flush=True)
        settings = [word for pair in trial.split(",") for word in ("--set", pair)]
        found[trial] = run([*options, *settings, "--output", str(output / trial)])
    return found


def ktp_run(options: Sequence[str]) -> Facts:
    """The last line of `ktp run --json`, also of a model that was not pushed.

    Raises:
        SystemExit: there is none; `ktp run` has said why.
    """
    ktp = Path(sys.executable).with_name("ktp")
    finished = subprocess.run(
        [ktp, "run", "--json", *options], stdout=subprocess.PIPE, text=True, check=False
    )
    if not finished.stdout:
        raise SystemExit(finished.returncode)
    return json.loads(finished.stdout.splitlines()[-1])


def table(found: Mapping[str, Facts]) -> str:
    """The trials, the best first."""
    best_first = sorted(found, key=lambda trial: -found[trial]["accuracy"])
    lines = [f"{'validation':>10} {'training':>9}  settings"]
    for trial in best_first:
        accuracy, train_s = found[trial]["accuracy"], found[trial]["train_s"]
        lines.append(f"{accuracy:>10.2%} {train_s:>7.0f} s  {trial}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
