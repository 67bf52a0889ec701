"""The linear model alone, on the rows that `ktp run` would take.

    python -m benchmarks.accuracy.linear --data PATH --output DIR --json

It is in every run; here it is measured without one, and with every answer kept.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from components.linear import baseline
from pipeline.data import ingest
from pipeline.data.config import DataConfig


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, writes results.json, and prints the line that `ktp run --json` does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--json", action="store_true", help="As `ktp run` has it.")
    options = parser.parse_args(arguments)
    dataset = ingest.load(options.data, DataConfig())
    found, pairs = baseline.measure(dataset.splits)
    labels = sorted({label for pair in pairs for label in pair})
    answers = [(labels.index(a), labels.index(b)) for a, b in pairs.elements()]
    true_ids, predicted_ids = zip(*answers, strict=True)
    evaluation = {
        "labels": labels,
        "true_ids": true_ids,
        "predicted_ids": predicted_ids,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "results.json").write_text(json.dumps({"evaluation": evaluation}))
    print(
        json.dumps(
            {
                "test_accuracy": found.accuracy,
                "macro_f1": found.macro_f1,
                "train_s": found.seconds,
                "wall_s": found.seconds,
                "linear_accuracy": found.accuracy,
                "linear_s": found.seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
