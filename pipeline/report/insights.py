"""Sentences a careful reader would say after reading the whole report."""

import math
from collections.abc import Iterator

from pipeline.report import confidence, formats, metrics, rejecting
from pipeline.report.results import RunResults

WEAK_RECALL = 0.5
TRUNCATED_SHARE = 0.01
CALIBRATION_GAP = 0.03
REJECTED_SHARE = 0.1
IMBALANCE = 10
"""From here on a finding is worth a sentence."""
FEW_TEST_ROWS = 50
"""With fewer, one row is worth more than two points."""
_WAYS_UP = "pretrained weights (--pretrained) or more rows"
_WAYS_FURTHER = "more rows or more epochs (training.max_epochs)"
"""For who has pretrained weights already."""


def insights(results: RunResults) -> list[str]:
    """Says what stands out, the most useful first; empty when nothing does."""
    finders = (
        _linear,
        _change,
        _small_test,
        _rejecting,
        _confusion,
        _weak,
        _calibration,
        _epochs,
        _data,
    )
    return [sentence for finder in finders for sentence in finder(results)]


def linear_advice(results: RunResults) -> str | None:
    """Says what the linear model beside it means for this one; None without one.

    Level is what one standard error of the test's accuracy does not tell apart.
    """
    linear = results.evaluation.linear
    rows = len(results.evaluation.true_ids)
    if linear is None or not rows:
        return None
    ours = metrics.accuracy(results.evaluation)
    error = math.sqrt(linear.accuracy * (1 - linear.accuracy) / rows)
    gain = ours - linear.accuracy
    apart = f"{100 * abs(gain):.1f} points"
    ways = _WAYS_FURTHER if results.lineage.pretrained else _WAYS_UP
    if gain > error:
        return f"The Transformer is better than the linear model by {apart}."
    if gain >= -error:
        return (
            f"Level with the linear model, within one standard error "
            f"({100 * error:.1f} points): {ways} may lift it above."
        )
    return f"The linear model is better by {apart}: {ways} may help."


def _linear(results: RunResults) -> Iterator[str]:
    advice = linear_advice(results)
    if advice is not None:
        yield advice


def _change(results: RunResults) -> Iterator[str]:
    live = results.evaluation.live
    if live is None or not results.evaluation.true_ids:
        return
    difference = metrics.accuracy(results.evaluation) - live.accuracy
    low, high = metrics.accuracy_interval(results.evaluation)
    noise = (
        " That is within what chance could do." if low <= live.accuracy <= high else ""
    )
    if difference == 0:
        yield f"Accuracy equals that of the live version {live.version}."
        return
    word = "better" if difference > 0 else "worse"
    yield (
        f"Accuracy is {formats.points(abs(difference))[1:]} {word} than that of the "
        f"live version {live.version}.{noise}"
    )


def _small_test(results: RunResults) -> Iterator[str]:
    rows = len(results.evaluation.true_ids)
    if 0 < rows < FEW_TEST_ROWS:
        low, high = metrics.accuracy_interval(results.evaluation)
        yield (
            f"The test has {rows} rows, so one row is {100 / rows:.1f} points: by "
            f"chance alone accuracy could be {formats.percent(low, 0)} or "
            f"{formats.percent(high, 0)}."
        )


def _rejecting(results: RunResults) -> Iterator[str]:
    chosen = rejecting.measure(results.evaluation)
    if chosen is not None and chosen.coverage:
        yield (
            f"As “none of these” {formats.percent(1 - chosen.coverage)} of the texts "
            f"are rejected, and of the answers left "
            f"{formats.percent(chosen.answered_accuracy)} are right"
            + (
                ""
                if chosen.out_of_scope_recall is None
                else f"; of the texts out of scope "
                f"{formats.percent(chosen.out_of_scope_recall)} are rejected"
            )
            + "."
        )
        return
    curve = confidence.coverage_curve(results.evaluation)
    kept = [point for point in curve if point.coverage >= 1 - REJECTED_SHARE]
    if not kept or kept[0].coverage == 1 or kept[0].accuracy <= kept[-1].accuracy:
        return
    yield (
        f"Rejecting the least sure {formats.percent(1 - kept[0].coverage, 0)} of texts "
        f"(confidence below {kept[0].threshold:.2f}) lifts accuracy from "
        f"{formats.percent(kept[-1].accuracy)} to {formats.percent(kept[0].accuracy)}."
    )


def _confusion(results: RunResults) -> Iterator[str]:
    for pair in metrics.most_confused(results.evaluation, 1):
        if pair.count > 1:
            yield (
                f"The most frequent mistake is {_quoted(pair.predicted)} for "
                f"{_quoted(pair.true)}: "
                f"{pair.count} rows, {formats.percent(pair.share, 0)} of that class."
            )


def _weak(results: RunResults) -> Iterator[str]:
    weak = [
        score
        for score in metrics.class_scores(results.evaluation)
        if score.support and score.recall < WEAK_RECALL
    ]
    if not weak:
        return
    weak.sort(key=lambda score: score.recall)
    names = ", ".join(_quoted(score.label) for score in weak[:3])
    more = f" and {len(weak) - 3} more" if len(weak) > 3 else ""
    yield f"Less than half of the rows are recognised in: {names}{more}."


def _calibration(results: RunResults) -> Iterator[str]:
    bins = confidence.calibration_bins(results.evaluation)
    rows = sum(item.right + item.wrong for item in bins)
    if not rows:
        return
    mean = sum(item.confidence * (item.right + item.wrong) for item in bins) / rows
    gap = mean - metrics.accuracy(results.evaluation)
    if abs(gap) >= CALIBRATION_GAP:
        word = "surer" if gap > 0 else "less sure"
        yield (
            f"The model is {word} than it should be: mean confidence "
            f"{formats.percent(mean)}, accuracy "
            f"{formats.percent(metrics.accuracy(results.evaluation))}."
        )


def _epochs(results: RunResults) -> Iterator[str]:
    epochs = [row["epoch"] for row in results.training.history if "epoch" in row]
    if len(epochs) > 1 and results.training.best_epoch == epochs[-1]:
        yield "The last epoch was the best one: more epochs may help."


def _data(results: RunResults) -> Iterator[str]:
    limit = results.data.max_sequence_length
    lengths = [split.token_lengths for split in results.data.splits]
    texts = sum(map(sum, lengths))
    # Truncation happens before counting, so texts at the limit may have been longer.
    cut = sum(sum(split[limit:]) for split in lengths) if limit else 0
    if texts and cut / texts >= TRUNCATED_SHARE:
        yield (
            f"{formats.percent(cut / texts)} of the texts reach the limit of "
            f"{limit} tokens; what is beyond it is not read."
        )
    for split in results.data.splits[:1]:
        counts = sorted(split.label_counts.values())
        if counts and counts[-1] >= IMBALANCE * max(counts[0], 1):
            yield (
                f"Labels are uneven: {counts[0]:,} to {counts[-1]:,} rows in the "
                f"{split.name} split."
            )


def _quoted(label: str) -> str:
    """Quotes the label, isolated so that right-to-left letters stay inside."""
    return f"“\u2068{label}\u2069”"
