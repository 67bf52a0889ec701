"""Measurements of accuracy that nobody ran: records, and a runner of commands."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.measure import Finished
from benchmarks.accuracy.records import Record
from pipeline.errors import RunError

RECORD = Record(
    dataset="velora",
    variant="scratch",
    options="",
    seed=1,
    settings=(),
    pretrained="",
    accuracy=0.8,
    macro_f1=0.79,
    linear_accuracy=0.83,
    linear_s=2.0,
    train_s=50.0,
    wall_s=120.0,
    peak_memory_bytes=2_000_000_000,
    files={"SavedModel": 2_300_000, "model.tflite": 9, "model_int8.tflite": 560_000},
    parameters=400_000,
    trained_parameters=400_000,
    machine={"processor": "Fast <1>", "cores": 2},
)
SUMMARY = {
    "test_accuracy": 0.75,
    "macro_f1": 0.7,
    "train_s": 3.0,
    "wall_s": 9.0,
    "linear_accuracy": 0.5,
    "linear_s": 1.0,
    "blessed": False,
}
RESULTS: dict[str, Any] = {
    "evaluation": {
        "labels": ["a", "b", "oos"],
        "true_ids": [0, 1, 1, 2, 2],
        "predicted_ids": [0, 1, 0, 2, 1],
    },
    "training": {"parameters": 100, "trained_parameters": 7},
    "variants": [{"name": "SavedModel", "size_bytes": 42}],
}


def record(**changes: Any) -> Record:
    """`RECORD` with other fields."""
    return dataclasses.replace(RECORD, **changes)


@dataclasses.dataclass
class FakeRuns:
    """Stands for commands that run: keeps them, and writes what a run would."""

    commands: list[list[str]] = dataclasses.field(default_factory=list)
    is_failing: bool = False

    def __call__(self, command: Sequence[str]) -> Finished:
        self.commands.append(list(command))
        if self.is_failing:
            raise RunError("exit status 1")
        folder = Path(self.option("--output"))
        folder.mkdir(parents=True)
        (folder / "results.json").write_text(json.dumps(RESULTS))
        return Finished(SUMMARY, 1 << 30)

    def option(self, name: str, command: int = -1) -> str:
        """The value behind an option of one of the commands, else of the last."""
        words = self.commands[command]
        return words[words.index(name) + 1]
