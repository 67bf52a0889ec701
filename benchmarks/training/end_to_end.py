"""A whole training on texts: ours, and PyTorch's usual loop, padded in two ways."""

import dataclasses
import pathlib
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.training import records, worker
from benchmarks.training.sizes import MAX_SEQUENCE_LENGTH, Size
from benchmarks.training.workers import OURS, PYTORCH, Answer, Worker

LOOPS: Mapping[str, int] = {
    "PyTorch, padded to the longest of a batch": 0,
    f"PyTorch, padded to {MAX_SEQUENCE_LENGTH}": MAX_SEQUENCE_LENGTH,
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained:
    """One way, from the start of the training to its last evaluation.

    `ratio` is the median of its time over ours in the same round.
    """

    way: str
    seconds: float
    ratio: float
    accuracy: float
    peak_bytes: int


def measure(
    size: Size, splits: Mapping[str, Sequence[records.Row]], *, epochs: int, rounds: int
) -> list[Trained]:
    """Trains in turns, each time in a new process, on `train` and `validation`."""
    answers: dict[str, list[Answer]] = {OURS: [], **{way: [] for way in LOOPS}}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        patterns = {
            split: records.write(folder / f"{split}.gz", rows)
            for split, rows in splits.items()
        }
        for _ in range(rounds):
            answers[OURS].append(_train(OURS, size, {**patterns, "epochs": epochs}))
            for way, padded_to in LOOPS.items():
                order = {**splits, "epochs": epochs, "padded_to": padded_to}
                answers[way].append(_train(PYTORCH, size, order))
    return [_summed_up(way, answers) for way in answers]


def _train(framework: str, size: Size, order: Mapping[str, Any]) -> Answer:
    with Worker(framework, size) as one:
        return one.ask(worker.LEARN, order)


def _summed_up(way: str, answers: Mapping[str, Sequence[Answer]]) -> Trained:
    own, ours = answers[way], answers[OURS]
    pairs = zip(own, ours, strict=True)
    return Trained(
        way=way,
        seconds=statistics.median(one.wall_s for one in own),
        ratio=statistics.median(one.wall_s / our.wall_s for one, our in pairs),
        accuracy=statistics.median(one.returned for one in own),
        peak_bytes=max(one.peak_bytes for one in own),
    )
