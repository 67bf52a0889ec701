"""What one way of fine-tuning came to, and all of them as table and drawing."""

import dataclasses
import statistics
from collections.abc import Sequence

from benchmarks.harness import bars

_COLUMNS = ("accuracy", "trained_parameters", "seconds_per_epoch", "peak_memory_bytes")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """One training; `accuracy` is on the test split, the memory the process's most.

    `refusal` says why there is none, and then nothing else counts.
    """

    name: str
    seed: int
    accuracy: float = 0.0
    validation_accuracy: float = 0.0
    trained_parameters: int = 0
    parameters: int = 0
    seconds: float = 0.0
    seconds_per_epoch: float = 0.0
    epochs: int = 0
    peak_memory_bytes: int = 0
    checkpoint_bytes: int = 0
    learning_rate: float = 0.0
    refusal: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """The seeds of one way together: means, and the spread of the accuracy."""

    name: str
    outcomes: Sequence[Outcome]

    def mean(self, column: str) -> float:
        """The mean over the seeds."""
        return statistics.fmean(getattr(o, column) for o in self.outcomes)

    @property
    def spread(self) -> float:
        """The standard deviation of the accuracy; 0 of one seed."""
        accuracies = [outcome.accuracy for outcome in self.outcomes]
        return statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0


def summaries(outcomes: Sequence[Outcome]) -> list[Summary]:
    """Groups what was trained by name, in the order of the first of each."""
    names = dict.fromkeys(o.name for o in outcomes if not o.refusal)
    return [
        Summary(name=name, outcomes=[o for o in outcomes if o.name == name])
        for name in names
    ]


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as a Markdown table, and a line for each that was refused."""
    lines = [
        "| way | test accuracy | trained | of all | seconds | per epoch | peak memory "
        "| checkpoint | learning rate |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for summary in summaries(outcomes):
        trained, total = summary.mean("trained_parameters"), summary.mean("parameters")
        spread = f" ± {summary.spread:.2%}" if len(summary.outcomes) > 1 else ""
        lines.append(
            f"| {summary.name} | {summary.mean('accuracy'):.2%}{spread} "
            f"| {trained:,.0f} | {trained / total:.2%} "
            f"| {summary.mean('seconds'):.0f} "
            f"| {summary.mean('seconds_per_epoch'):.1f} "
            f"| {_gib(summary.mean('peak_memory_bytes'))} "
            f"| {_mb(summary.mean('checkpoint_bytes'))} "
            f"| {summary.outcomes[0].learning_rate:g} |"
        )
    refused = {o.name: o.refusal for o in outcomes if o.refusal}
    notes = [f"- {name}: {refusal}" for name, refusal in refused.items()]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def drawing(outcomes: Sequence[Outcome], title: str, note: str) -> str:
    """The outcomes as SVG."""
    found = summaries(outcomes)
    accuracy, trained, seconds, memory = (
        [summary.mean(column) for summary in found] for column in _COLUMNS
    )
    panels = (
        bars.Panel(
            title="test accuracy",
            css="blue",
            values=accuracy,
            written=[f"{value:.1%}" for value in accuracy],
            low=max(0.0, min(accuracy, default=0.0) - 0.1),
        ),
        bars.Panel(
            title="trained parameters (log)",
            css="orange",
            values=trained,
            written=[_short(value) for value in trained],
            low=max(1.0, min(trained, default=1.0) / 4),
            is_log=True,
        ),
        bars.Panel(
            title="seconds per epoch",
            css="green",
            values=seconds,
            written=[f"{value:.1f} s" for value in seconds],
        ),
        bars.Panel(
            title="peak memory",
            css="green",
            values=memory,
            written=[_gib(value) for value in memory],
        ),
    )
    return bars.draw(
        bars.Bars(title=title, note=note, rows=[s.name for s in found], panels=panels)
    )


def _gib(size_bytes: float) -> str:
    return f"{size_bytes / 2**30:.2f} GiB"


def _mb(size_bytes: float) -> str:
    return f"{size_bytes / 1e6:.1f} MB"


def _short(number: float) -> str:
    return f"{number / 1e6:.2f} M" if number >= 1e5 else f"{number / 1e3:.1f} k"
