"""Accuracy and macro F1 by label name, against scikit-learn and through TFMA."""

import collections
import math
import random
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn.metrics import accuracy_score, f1_score
from tensorflow_model_analysis.evaluators import (
    metrics_plots_and_validations_evaluator as evaluator,
)
from tensorflow_model_analysis.extractors import (
    slice_key_extractor,
    unbatch_extractor,
)
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils.config_util import update_eval_config_with_defaults

from components import evaluation_metrics
from components.evaluation_metrics import (
    Pairs,
    accuracy_of,
    distinct_answers_of,
    gain_over_majority_of,
    macro_f1_of,
    read_overall,
)
from model import contract

RUNNER = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
# True label, what the candidate says, what the live model says; the live model has
# another set of labels, in another order.
ROWS = [("a", "a", "a"), ("a", "b", "a"), ("b", "b", "z"), ("b", "b", "z")]
LABELS_OF = {tfma.CANDIDATE_KEY: ["a", "b"], tfma.BASELINE_KEY: ["z", "b", "a"]}
LABEL_BY_LABEL = config_pb2.SlicingSpec(feature_keys=[contract.LABEL])


def _random_pairs(seed: int) -> tuple[Pairs, list[str], list[str]]:
    chance = random.Random(seed)
    true = [chance.choice("abcd") for _ in range(200)]
    best = [t if chance.random() < 0.6 else chance.choice("abcde") for t in true]
    return collections.Counter(zip(true, best, strict=True)), true, best


@pytest.mark.parametrize("seed", range(5))
def test_both_metrics_equal_scikit_learn(seed: int) -> None:
    pairs, true, best = _random_pairs(seed)
    assert accuracy_of(pairs) == pytest.approx(accuracy_score(true, best))
    assert macro_f1_of(pairs) == pytest.approx(f1_score(true, best, average="macro"))


@pytest.mark.parametrize(("answers", "count"), [("aaa", 1), ("aab", 2), ("abc", 3)])
def test_different_answers_are_counted_whatever_is_true(
    answers: str, count: int
) -> None:
    pairs = collections.Counter(("true", best) for best in answers)
    assert distinct_answers_of(pairs) == count


@pytest.mark.parametrize(
    ("true", "best", "gain"),
    [
        ("aab", "aab", 1 / 3),
        ("aab", "aaa", 0.0),
        ("aab", "abb", 0.0),
        ("ab", "zz", -0.5),
    ],
)
def test_the_gain_is_over_always_giving_the_most_frequent_label(
    true: str, best: str, gain: float
) -> None:
    pairs = collections.Counter(zip(true, best, strict=True))
    assert gain_over_majority_of(pairs) == pytest.approx(gain)


def test_without_rows_there_is_no_number() -> None:
    assert math.isnan(gain_over_majority_of(collections.Counter()))
    assert math.isnan(accuracy_of(collections.Counter()))
    assert math.isnan(macro_f1_of(collections.Counter()))


def _classify(labels: list[str], best: str) -> dict[str, np.ndarray]:
    """What the `classify` signature says of one row."""
    scores = [0.9 if label == best else 0.01 for label in labels]
    classes = np.array([[label.encode() for label in labels]], object)
    return {contract.CLASSES: classes, contract.SCORES: np.array([scores])}


def _extracts(row: tuple[str, str, str]) -> dict[str, Any]:
    """One row as TFMA's extractors leave it, with what both models say."""
    true, *answers = row
    predictions = {
        name: _classify(labels, best)
        for (name, labels), best in zip(LABELS_OF.items(), answers, strict=True)
    }
    return {
        "features": {contract.LABEL: np.array([[true]])},
        "labels": {name: np.array([[true.encode()]], object) for name in LABELS_OF},
        "predictions": predictions,
    }


def _config(slices: list[config_pb2.SlicingSpec]) -> config_pb2.EvalConfig:
    module = evaluation_metrics.__name__
    metrics = [
        config_pb2.MetricConfig(class_name=name, module=module)
        for name in ("Accuracy", "GainOverMajority", "MacroF1", "DistinctAnswers")
    ]
    config = config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=contract.LABEL)],
        slicing_specs=slices,
        metrics_specs=[config_pb2.MetricsSpec(metrics=metrics)],
    )
    # As Evaluator does where there is a live model.
    return update_eval_config_with_defaults(config, has_baseline=True)


def _evaluated(folder: Path, slices: list[config_pb2.SlicingSpec]) -> str:
    config = _config(slices)
    extractors = [
        unbatch_extractor.UnbatchExtractor(),
        slice_key_extractor.SliceKeyExtractor(eval_config=config),
    ]
    evaluators = [evaluator.MetricsPlotsAndValidationsEvaluator(config)]
    writers = tfma.default_writers(str(folder), eval_config=config)
    with beam.Pipeline(runner=RUNNER) as pipeline:
        results = (
            pipeline
            | beam.Create(ROWS)
            | beam.Map(_extracts)
            | tfma.ExtractAndEvaluate(extractors=extractors, evaluators=evaluators)
        )
        _ = results | tfma.WriteResults(writers=writers)
    return str(folder)


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What TFMA writes about ROWS, overall and label by label."""
    folder = tmp_path_factory.mktemp("evaluation")
    return _evaluated(folder, [LABEL_BY_LABEL, config_pb2.SlicingSpec()])


def test_tfma_measures_the_candidate_by_the_names_of_its_classes(
    evaluation: str,
) -> None:
    true, best, _ = zip(*ROWS, strict=True)
    measured = read_overall(evaluation)
    assert measured["accuracy"] == 0.75
    assert measured["distinct_answers"] == 2
    assert measured["gain_over_majority"] == 0.25
    assert measured["macro_f1"] == pytest.approx(f1_score(true, best, average="macro"))


def test_the_live_model_is_measured_by_its_own_classes(evaluation: str) -> None:
    true, _, best = zip(*ROWS, strict=True)
    measured = read_overall(evaluation, tfma.BASELINE_KEY)
    assert measured["accuracy"] == 0.5
    assert measured["macro_f1"] == pytest.approx(f1_score(true, best, average="macro"))


def test_slices_alone_are_no_metrics_over_all_rows(tmp_path: Path) -> None:
    folder = _evaluated(tmp_path, [LABEL_BY_LABEL])
    with pytest.raises(ValueError, match="no metrics over all rows"):
        read_overall(folder)
