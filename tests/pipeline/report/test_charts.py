"""Axes, lines, colours and numbers as they are drawn and written."""

import dataclasses

import numpy as np
import pytest

from pipeline.report import formats
from pipeline.report.charts import data, drawing, heatmap, learning_curves, trials
from pipeline.report.results import Trial
from tests.support.pipeline.run_results import run_results


@pytest.mark.parametrize(
    "values", [[0], [5, 5], [-3], [0.9, 0.91], [1e-7, 3e-7], [1e6, 9e6], [1e-3, 0]]
)
def test_axis_holds_its_values_with_two_to_nine_ticks(values):
    axis = drawing.number_axis("", values)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert 2 <= len(axis.ticks) <= 9
    texts = [text for _, text in axis.ticks]
    assert len(set(texts)) == len(texts)


def test_axis_of_undefined_values_is_still_an_axis():
    axis = drawing.number_axis("", [float("nan"), float("inf")])
    assert axis.low < axis.high


@pytest.mark.parametrize("values", [[1.0], [0.0], [0.97, 1.0], [0.2, 0.9]])
def test_percent_axis_stays_between_none_and_all(values):
    axis = drawing.percent_axis("", values)
    assert 0 <= axis.low <= min(values) <= max(values) <= axis.high <= 1


def test_line_leaves_a_gap_where_a_value_is_undefined():
    axes = drawing.number_axis("", [0, 3]), drawing.number_axis("", [0, 1])
    points = [(0, 0.1), (1, 0.2), (2, float("nan")), (3, 0.4)]
    assert drawing.line("s1", "", points, axes).path.count("M") == 2


def test_larger_values_are_drawn_higher():
    axis = drawing.number_axis("", [0, 10])
    assert drawing.y_pixel(axis, 9) < drawing.y_pixel(axis, 1)
    assert drawing.x_pixel(axis, 9) > drawing.x_pixel(axis, 1)


def test_best_epoch_is_marked():
    chart = learning_curves.loss(run_results().training)
    assert [rule.name for rule in chart.rules] == ["best: 9"]


def test_history_without_validation_draws_one_line():
    training = run_results().training
    history = tuple(
        {"epoch": row["epoch"], "loss": row["loss"]} for row in training.history
    )
    alone = dataclasses.replace(training, history=history)
    assert [line.name for line in learning_curves.loss(alone).lines] == ["training"]
    assert learning_curves.accuracy(alone) is None


def test_every_text_is_in_the_length_histogram():
    summary = run_results().data
    bars = data.token_lengths(summary).bars
    drawn = sum(int(bar.tooltip.split()[-2].replace(",", "")) for bar in bars)
    assert drawn == sum(sum(split.token_lengths) for split in summary.splits)


def test_confusion_shades_cover_each_filled_cell_once():
    counts = np.array([[8, 2, 0], [0, 10, 0], [1, 0, 0]])
    drawing = heatmap.draw(counts, ("a", "b", "c"))
    assert sum(path.count("M") for _, path in drawing.shades) == 4
    assert dict(drawing.shades)["right3"] == "M0 0h1v1h-1z"
    assert dict(drawing.shades)["wrong5"] == "M0 2h1v1h-1z"
    assert drawing.counts == (0, 0, 8, 0, 1, 2, 1, 1, 10, 2, 0, 1)


def test_counts_are_written_only_where_there_is_room():
    few, many = np.eye(20, dtype=int), np.eye(21, dtype=int)
    assert len(heatmap.draw(few, ("x",) * 20).cells) == 20
    assert heatmap.draw(many, ("x",) * 21).cells == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.percent(0.934), "93.4%"),
        (formats.percent(0.99999), ">99.9%"),
        (formats.percent(1.0), "100.0%"),
        (formats.percent(0.00001), "<0.1%"),
        (formats.percent(float("nan")), "–"),
        (formats.points(0.012), "+1.2 points"),
        (formats.points(-0.012), "−1.2 points"),
        (formats.points(-0.0001), "±0.0 points"),
        (formats.duration(0.42), "0.4 s"),
        (formats.duration(59.7), "1 min 00 s"),
        (formats.duration(7260), "2 h 01 min"),
        (formats.size(999), "999 B"),
        (formats.size(999_600), "1 MB"),
        (formats.size(17_300_000), "17.3 MB"),
        (formats.count(3080), "3,080"),
        (formats.count(11_170_304), "11.2 M"),
        (formats.moment("2025-03-04T09:12:44+00:00"), "4 March 2025, 09:12 UTC"),
        (formats.moment("yesterday"), "yesterday"),
    ],
)
def test_numbers_are_written_for_people(written, expected):
    assert written == expected


def trial(rate: float, accuracy: float | None, end: str = "finished") -> Trial:
    return Trial(
        settings={"training.learning_rate": rate, "training.seed": 1},
        end=end,
        accuracy=accuracy,
        loss=None,
        seconds=1.0,
        is_best=accuracy == 0.9,
    )


def test_every_setting_that_was_searched_has_a_chart_with_a_dot_per_trial():
    tried = [
        trial(1e-4, 0.8),
        trial(2e-3, 0.9),
        trial(5e-3, 0.3, "stopped"),
        trial(1e-2, None, "failed"),
    ]
    (chart,) = trials.draw(tried)  # The seed had one value.
    assert chart.title == "training.learning_rate"
    finished, stopped = chart.lines
    assert len(finished.dots) == 2
    assert len(stopped.dots) == 1
    assert [text for _, text in chart.axes[0].ticks] == ["0.0001", "0.001", "0.01"]
    assert chart.rules[0].name == "best: 0.002"
    assert chart.rules[0].x == finished.dots[1][0]


def test_trials_that_all_failed_have_no_chart():
    assert trials.draw([trial(1e-3, None, "failed")]) == []
