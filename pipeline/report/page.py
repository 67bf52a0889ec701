"""The page: one HTML file that needs no network, from `RunResults`."""

import base64
import dataclasses
import hashlib
import itertools
import os
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from pipeline.atomic_write import write_whole
from pipeline.report import charts, confidence, formats, insights, metrics, rejecting
from pipeline.report.results import Evaluation, RunResults

MISTAKES_SHOWN = 25
PAIRS_SHOWN = 15
TEXT_LETTERS = 400
"""Longer texts are cut, with the whole length said."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of the run's wall time; `start` and `share` are parts of the whole."""

    name: str
    seconds: float
    cached: bool
    start: float
    share: float


def render(results: RunResults) -> str:
    """Draws the page. Every string in `results` is escaped: texts may hold HTML."""
    environment = _environment()
    script = (resources.files(__package__) / "templates/report.js").read_text("utf-8")
    return environment.get_template("report.html.j2").render(
        results=results,
        script=script,
        script_hash=_script_hash(script),
        insights=insights.insights(results),
        spans=_spans(results),
        test=_test_view(results.evaluation) if results.evaluation.true_ids else None,
        charts=charts,
    )


def write_report(results: RunResults, path: str | os.PathLike[str]) -> None:
    """Writes the page to `path`, whole or not at all.

    Raises:
        OSError: the folder is not there or cannot be written.
    """
    write_whole(Path(path), render(results))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pipeline.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=formats.percent,
        points=formats.points,
        significant=formats.significant,
        duration=formats.duration,
        size=formats.size,
        count=formats.count,
        moment=formats.moment,
        shorten=_shorten,
        label=_breakable,
    )
    return environment


def _test_view(evaluation: Evaluation) -> dict[str, Any]:
    """Gathers what the page says about the test split, by the template's names."""
    curve = confidence.coverage_curve(evaluation)
    accuracy = metrics.accuracy(evaluation)
    wrong = metrics.mistakes(evaluation)
    return {
        "rows": len(evaluation.true_ids),
        "accuracy": accuracy,
        "interval": metrics.accuracy_interval(evaluation),
        "macro_f1": metrics.macro_f1(evaluation),
        "calibration_error": confidence.expected_calibration_error(evaluation),
        "top_k": max(map(len, evaluation.top_ids), default=0),
        "top_k_accuracy": metrics.top_k_accuracy(evaluation),
        "curve": curve,
        "rejecting": rejecting.measure(evaluation),
        "trade_offs": rejecting.trade_offs(evaluation),
        "operating_points": confidence.operating_points(curve, _targets(accuracy)),
        "pairs": metrics.most_confused(evaluation, PAIRS_SHOWN),
        "mistakes": wrong[:MISTAKES_SHOWN],
        "wrong": len(wrong),
        "measured": len(set(evaluation.true_ids)),
        "classes": sorted(metrics.class_scores(evaluation), key=_weakest_first),
        "heatmap": charts.heatmap.draw(
            metrics.confusion(evaluation), evaluation.labels
        ),
    }


def _weakest_first(score: metrics.ClassScore) -> tuple[bool, float]:
    """Sorts by F1; classes without a test row, which have none, come last."""
    return score.support == 0, score.f1


def _targets(accuracy: float) -> tuple[float, ...]:
    """Lists round accuracies above what the model has without rejecting anything."""
    targets = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
    return tuple(target for target in targets if target > accuracy)[:4]


def _spans(results: RunResults) -> list[Span]:
    """Lists the nodes one after the other, then what lay outside of them."""
    nodes = [(node.name, node.seconds, node.cached) for node in results.lineage.nodes]
    inside = sum(seconds for _, seconds, _ in nodes)
    rest = results.run.wall_s - inside
    if nodes and rest > 0.05:
        nodes.append(("outside the nodes", rest, False))
    whole = max(results.run.wall_s, inside) or 1.0
    starts = itertools.accumulate((seconds for _, seconds, _ in nodes), initial=0.0)
    return [
        Span(
            name=name,
            seconds=seconds,
            cached=cached,
            start=start / whole,
            share=seconds / whole,
        )
        for (name, seconds, cached), start in zip(nodes, starts, strict=False)
    ]


def _shorten(text: str) -> str:
    if len(text) <= TEXT_LETTERS:
        return text
    return f"{text[:TEXT_LETTERS]}… ({len(text):,} characters)"


def _breakable(label: str) -> markupsafe.Markup:
    """Escapes the label, in which a line may end after an underscore."""
    return markupsafe.Markup("_<wbr>").join(label.split("_"))


def _script_hash(script: str) -> str:
    """Names what the page's security policy allows this script and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
