"""What was measured as a table, a drawing and JSON."""

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from benchmarks.harness import plot
from benchmarks.training.end_to_end import Trained
from benchmarks.training.rounds import SizeResult
from benchmarks.training.workers import JAX, OURS, PYTORCH

COLOURS: Mapping[str, str] = MappingProxyType(
    {OURS: "blue", PYTORCH: "orange", JAX: "green"}
)
_MIB = 2**20


@dataclasses.dataclass(frozen=True, kw_only=True)
class Report:
    """Everything of one call. `others_cores` is what other programs kept busy."""

    machine: Mapping[str, Any]
    others_cores: float
    sizes: Sequence[SizeResult]
    trained: Sequence[Trained] = ()


def table(report: Report) -> str:
    """Lines for people: a block per size, then the whole training."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    machine = report.machine
    yield f"{machine['processor']}, {machine['cores']} cores"
    yield f"other programs kept {report.others_cores:.2f} cores busy"
    for result in report.sizes:
        yield ""
        yield (
            f"{result.name}: {result.size.rows} rows of {result.size.tokens} tokens; "
            f"the machine multiplies at {result.product_gflops:.0f} GFLOP/s"
        )
        yield (
            f"{'':14}{'ms/step':>9}{'x ours':>8}{'tokens/s':>10}{'of products':>13}"
            f"{'CPU ms':>8}{'MiB':>7}"
        )
        for one in result.measured:
            yield (
                f"{one.framework:14}{one.step_ms:9.1f}{one.ratio:8.2f}"
                f"{result.tokens_per_s(one):10,.0f}{result.product_share(one):13.0%}"
                f"{one.cpu_ms:8.1f}{one.peak_bytes / _MIB:7,.0f}"
            )
    if report.trained:
        yield ""
        yield f"{'a whole training':44}{'s':>8}{'x ours':>8}{'accuracy':>10}{'MiB':>7}"
    for way in report.trained:
        yield (
            f"{way.way:44}{way.seconds:8.1f}{way.ratio:8.2f}{way.accuracy:10.3f}"
            f"{way.peak_bytes / _MIB:7,.0f}"
        )


def chart(report: Report) -> plot.Chart:
    """Tokens per second over the weights that one token is multiplied with."""
    series = [
        plot.Series(
            name=framework,
            css=COLOURS[framework],
            points=[
                (_work(result), result.tokens_per_s(one))
                for result in sorted(report.sizes, key=_work)
                for one in result.measured
                if one.framework == framework
            ],
        )
        for framework in COLOURS
    ]
    series = [one for one in series if one.points]
    points = [point for one in series for point in one.points]
    machine = report.machine
    return plot.Chart(
        title="Training: tokens per second",
        note=f"{machine['processor']}, {machine['cores']} cores; medians, in turns.",
        x_axis=plot.log_axis(
            "million floating-point operations per token", [x for x, _ in points]
        ),
        y_axis=plot.log_axis("tokens per second", [y for _, y in points]),
        series=series,
        rules=[(_work(result), result.name) for result in report.sizes],
    )


def write(report: Report, folder: pathlib.Path) -> None:
    """Writes `training.json` and `training.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(dataclasses.asdict(report), indent=1)
    (folder / "training.json").write_text(text + "\n")
    (folder / "training.svg").write_text(plot.draw(chart(report)) + "\n")


def _work(result: SizeResult) -> float:
    size = result.size
    return size.product_flops / (size.rows * size.tokens) / 1e6
