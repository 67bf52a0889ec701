"""Numbers of the report, computed from the answers on the test split.

scikit-learn and scipy are imported on first use: they come with TFX and cost a second.
"""

import dataclasses
from collections import Counter

import numpy as np

from pipeline.report.results import Evaluation


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClassScore:
    """One class: `confused_with` is the most frequent wrong answer for its rows."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    confused_with: str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConfusedPair:
    """`count` rows of class `true` were called `predicted`; `share` of all its rows."""

    true: str
    predicted: str
    count: int
    share: float
    example: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Mistake:
    """One wrong answer."""

    text: str
    true: str
    predicted: str
    confidence: float


def accuracy(evaluation: Evaluation) -> float:
    """Gives the share of right answers; NaN without rows."""
    right = right_answers(evaluation)
    return float(right.mean()) if right.size else float("nan")


def accuracy_interval(evaluation: Evaluation) -> tuple[float, float]:
    """Gives Wilson's 95 % interval: what another test split of this size could give."""
    from scipy import stats

    right = right_answers(evaluation)
    if not right.size:
        return 0.0, 1.0
    test = stats.binomtest(int(right.sum()), right.size)
    interval = test.proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def macro_f1(evaluation: Evaluation) -> float:
    """Averages F1 of the classes that occur in the test split or among the answers."""
    from sklearn import metrics

    if not evaluation.true_ids:
        return float("nan")
    return float(
        metrics.f1_score(
            evaluation.true_ids,
            evaluation.predicted_ids,
            average="macro",
            zero_division=0.0,
        )
    )


def top_k_accuracy(evaluation: Evaluation) -> float | None:
    """Gives the share of rows with the true class in `top_ids`, if that is given."""
    if not evaluation.top_ids:
        return None
    pairs = zip(evaluation.true_ids, evaluation.top_ids, strict=True)
    return float(np.mean([true_id in best for true_id, best in pairs]))


def confusion(evaluation: Evaluation) -> np.ndarray:
    """Counts `[C, C]` int64: rows are true classes, columns predicted ones."""
    from sklearn import metrics

    size = len(evaluation.labels)
    if not evaluation.true_ids:
        return np.zeros((size, size), np.int64)
    return metrics.confusion_matrix(
        evaluation.true_ids, evaluation.predicted_ids, labels=range(size)
    )


def class_scores(evaluation: Evaluation) -> list[ClassScore]:
    """Gives one entry per label, in label order; a score without rows is 0."""
    from sklearn import metrics

    if not evaluation.true_ids:
        return []
    columns = metrics.precision_recall_fscore_support(
        evaluation.true_ids,
        evaluation.predicted_ids,
        labels=range(len(evaluation.labels)),
        zero_division=0.0,
    )
    wrong = confusion(evaluation)
    np.fill_diagonal(wrong, 0)
    worst = [row.argmax() if row.any() else None for row in wrong]
    return [
        ClassScore(
            label=label,
            precision=float(precision),
            recall=float(recall),
            f1=float(f1),
            support=int(support),
            confused_with=None if other is None else evaluation.labels[other],
        )
        for label, precision, recall, f1, support, other in zip(
            evaluation.labels, *columns, worst, strict=True
        )
    ]


def most_confused(evaluation: Evaluation, limit: int) -> list[ConfusedPair]:
    """Lists the most frequent wrong answers, each with the surest example of it."""
    surest = {
        (mistake.true, mistake.predicted): mistake.text
        for mistake in reversed(mistakes(evaluation))
    }
    rows_per_class = Counter(evaluation.true_ids)
    pairs = zip(evaluation.true_ids, evaluation.predicted_ids, strict=True)
    found = Counter(sorted(pair for pair in pairs if pair[0] != pair[1]))
    return [
        ConfusedPair(
            true=evaluation.labels[true_id],
            predicted=evaluation.labels[predicted_id],
            count=count,
            share=count / rows_per_class[true_id],
            example=surest[evaluation.labels[true_id], evaluation.labels[predicted_id]],
        )
        for (true_id, predicted_id), count in found.most_common(limit)
    ]


def mistakes(evaluation: Evaluation) -> list[Mistake]:
    """Lists every wrong answer, the surest first."""
    wrong = np.flatnonzero(~right_answers(evaluation))
    confidences = np.asarray(evaluation.confidences)
    order = wrong[np.argsort(-confidences[wrong], kind="stable")]
    return [
        Mistake(
            text=evaluation.texts[row],
            true=evaluation.labels[evaluation.true_ids[row]],
            predicted=evaluation.labels[evaluation.predicted_ids[row]],
            confidence=evaluation.confidences[row],
        )
        for row in order
    ]


def right_answers(evaluation: Evaluation) -> np.ndarray:
    """Marks the rows answered rightly, `[N]` bool."""
    return np.asarray(evaluation.true_ids) == np.asarray(evaluation.predicted_ids)
