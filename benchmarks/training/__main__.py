"""Training steps of ours, PyTorch's and Keras' on JAX, in turns on the same cores.

Called as `python -m benchmarks.training [--sizes small,4x256] [--data banking77]`. The
others are measured where `make reference` has set them up.
"""

import argparse
import dataclasses
import os
import pathlib

from benchmarks.harness.machine import Disturbance, machine_facts
from benchmarks.training import end_to_end, report, rounds, texts
from benchmarks.training.sizes import SIZES
from benchmarks.training.workers import PYTORCH, available
from pipeline.config import Environment
from pipeline.data import public

OUTPUT = pathlib.Path("runs") / "bench-training"


def main(arguments: list[str] | None = None) -> None:
    """Prints the table, and writes it and a drawing."""
    options = _parse(arguments)
    frameworks = tuple(available())
    with Disturbance() as others:
        sizes = [
            rounds.measure(
                name,
                SIZES[name],
                frameworks,
                rounds=options.rounds,
                steps=options.steps,
            )
            for name in options.sizes
        ]
        trained = _trained(options) if PYTORCH in frameworks and options.data else []
    result = report.Report(
        machine=machine_facts(),
        others_cores=others.cores,
        sizes=sizes,
        trained=trained,
    )
    print(report.table(result))
    report.write(result, options.output)
    print(f"\n{options.output}/: training.svg, training.json")


def _trained(options: argparse.Namespace) -> list[end_to_end.Trained]:
    path = public.resolve(options.data, Environment.from_env(os.environ))
    size = SIZES["small"]
    splits = texts.token_rows(path, size.vocabulary_size)
    classes = 1 + max(class_id for _, class_id in splits["train"])
    return end_to_end.measure(
        dataclasses.replace(size, num_classes=classes),
        splits,
        epochs=options.epochs,
        rounds=options.trainings,
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--sizes", default=list(SIZES), type=_sizes, help=f"of {', '.join(SIZES)}")
    add("--rounds", type=int, default=7, help="for the medians")
    add("--steps", type=int, default=20, help="of a framework in a round")
    add("--data", default="data/velora", help="a file, folder or name; '' for none")
    add("--epochs", type=int, default=5, help="of a whole training")
    add("--trainings", type=int, default=3, help="of each way, for the medians")
    add("--output", type=pathlib.Path, default=OUTPUT)
    return parser.parse_args(arguments)


def _sizes(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in SIZES]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"there is no size {unknown[0]!r}; there are {', '.join(SIZES)}"
        )
    return names


if __name__ == "__main__":
    main()
