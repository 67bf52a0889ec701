"""TFMA metrics that compare the true label with the best of the `classes` by name.

By name, because the live model may have been trained on other labels than the
candidate: a class id means nothing across models.
"""

import collections
from collections.abc import Callable, Iterable
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.metrics import metric_util

from model import contract

ACCURACY, MACRO_F1 = "accuracy", "macro_f1"
GAIN_OVER_MAJORITY = "gain_over_majority"
DISTINCT_ANSWERS = "distinct_answers"
_PAIRS = "_label_pairs"

Pairs = collections.Counter[tuple[str, str]]
"""How often a (true, predicted) pair of labels was seen."""


class Accuracy(tfma.metrics.Metric):
    """Share of rows whose best class is the true label."""

    def __init__(self, name: str = ACCURACY) -> None:
        super().__init__(_computations(accuracy_of), name=name)


class GainOverMajority(tfma.metrics.Metric):
    """Accuracy above that of always giving the most frequent true label."""

    def __init__(self, name: str = GAIN_OVER_MAJORITY) -> None:
        super().__init__(_computations(gain_over_majority_of), name=name)


class MacroF1(tfma.metrics.Metric):
    """F1 of every label, averaged with equal weight."""

    def __init__(self, name: str = MACRO_F1) -> None:
        super().__init__(_computations(macro_f1_of), name=name)


class DistinctAnswers(tfma.metrics.Metric):
    """How many different labels a model gives; 1 is a model that learnt nothing."""

    def __init__(self, name: str = DISTINCT_ANSWERS) -> None:
        super().__init__(_computations(distinct_answers_of), name=name)


def read_overall(uri: str, model_name: str | None = None) -> dict[str, float]:
    """Reads Evaluator's metrics over all rows, of the candidate unless named."""
    result = tfma.load_eval_result(uri, model_name=model_name)
    for slice_key, outputs in result.slicing_metrics:
        if not slice_key:
            return {
                name: value["doubleValue"]
                for name, value in outputs[""][""].items()
                if "doubleValue" in value
            }
    raise ValueError(f"{uri} holds no metrics over all rows.")


def accuracy_of(pairs: Pairs) -> float:
    """Gives the share of equal pairs; NaN without rows."""
    total = pairs.total()
    right = sum(count for (true, best), count in pairs.items() if true == best)
    return right / total if total else float("nan")


def gain_over_majority_of(pairs: Pairs) -> float:
    """Gives accuracy less the share of the most frequent true label; NaN without rows.

    Not below 0 where both are equal.
    """
    true_count: collections.Counter[str] = collections.Counter()
    for (true, _), count in pairs.items():
        true_count[true] += count
    total = pairs.total()
    right = sum(count for (true, best), count in pairs.items() if true == best)
    return (right - max(true_count.values())) / total if total else float("nan")


def macro_f1_of(pairs: Pairs) -> float:
    """Averages F1 over the labels that occur, on either side; NaN without rows."""
    true_count: collections.Counter[str] = collections.Counter()
    best_count: collections.Counter[str] = collections.Counter()
    for (true, best), count in pairs.items():
        true_count[true] += count
        best_count[best] += count
    labels = true_count.keys() | best_count.keys()
    scores = [
        2 * pairs[label, label] / (true_count[label] + best_count[label])
        for label in labels
    ]
    return float(np.mean(scores)) if scores else float("nan")


def distinct_answers_of(pairs: Pairs) -> float:
    """Counts the labels that were given as an answer."""
    return float(len({best for (_, best), count in pairs.items() if count}))


class _CountPairs(beam.CombineFn):
    """Counts `Pairs` of one model; equal keys let TFMA share the work."""

    def __init__(self, key: tfma.metrics.MetricKey) -> None:
        self._key = key

    def create_accumulator(self) -> Pairs:
        return collections.Counter()

    def add_input(
        self, pairs: Pairs, element: tfma.metrics.StandardMetricInputs
    ) -> Pairs:
        model_name = self._key.model_name
        predictions = element.get_predictions(model_name)
        true = _text(np.asarray(element.get_labels(model_name)).reshape(-1)[0])
        classes = np.asarray(predictions[contract.CLASSES]).reshape(-1)
        scores = np.asarray(predictions[contract.SCORES]).reshape(-1)
        pairs[true, _text(classes[int(np.argmax(scores))])] += 1
        return pairs

    def merge_accumulators(self, accumulators: Iterable[Pairs]) -> Pairs:
        return sum(accumulators, collections.Counter())

    def extract_output(self, pairs: Pairs) -> dict[tfma.metrics.MetricKey, Pairs]:
        return {self._key: pairs}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _computations(measure: Callable[[Pairs], float]) -> Any:
    """Makes what TFMA asks of a metric: its computations, once per model."""

    def create(name: str, model_name: str = "", **_: Any) -> list[Any]:
        pairs_key = tfma.metrics.MetricKey(name=_PAIRS, model_name=model_name)
        key = tfma.metrics.MetricKey(name=name, model_name=model_name)
        return [
            tfma.metrics.MetricComputation(
                keys=[pairs_key], preprocessors=None, combiner=_CountPairs(pairs_key)
            ),
            tfma.metrics.DerivedMetricComputation(
                keys=[key], result=lambda values: {key: measure(values[pairs_key])}
            ),
        ]

    return metric_util.merge_per_key_computations(create)
