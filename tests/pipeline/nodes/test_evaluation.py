"""The bounds that Evaluator decides by."""

import pytest
from tensorflow_model_analysis.proto import config_pb2

from model import contract
from pipeline.config import PipelineConfig, RunConfig
from pipeline.nodes.evaluation import eval_config


def config(**overrides: str) -> config_pb2.EvalConfig:
    settings = {f"evaluation.{key}": text for key, text in overrides.items()}
    return eval_config(
        PipelineConfig(
            name="p",
            run=RunConfig.of("tiny", settings),
            data_root="d",
            pipeline_root="r",
            serving_dir="s",
            edge_dir="e",
        )
    )


def metric(found: config_pb2.EvalConfig, name: str) -> config_pb2.MetricConfig:
    (metrics,) = found.metrics_specs
    (one,) = (each for each in metrics.metrics if each.class_name == name)
    return one


def bound_of(found: config_pb2.EvalConfig, name: str) -> float | None:
    thresholds = metric(found, name).per_slice_thresholds
    return next(
        (t.threshold.value_threshold.lower_bound.value for t in thresholds), None
    )


def test_accuracy_has_the_lower_bound_of_the_settings() -> None:
    found = config(min_accuracy="0.9")
    assert bound_of(found, "Accuracy") == pytest.approx(0.9)
    assert bound_of(found, "GainOverMajority") is None


def test_without_a_setting_the_test_rows_give_the_bound() -> None:
    assert bound_of(config(), "Accuracy") == 0
    assert bound_of(config(), "GainOverMajority") == 0


def test_accuracy_may_fall_by_no_more_than_the_setting() -> None:
    (threshold,) = metric(
        config(max_accuracy_drop="0.02"), "Accuracy"
    ).per_slice_thresholds
    change = threshold.threshold.change_threshold
    assert change.direction == config_pb2.MetricDirection.HIGHER_IS_BETTER
    assert change.absolute.value == pytest.approx(-0.02)


def test_bounds_hold_over_all_rows_only() -> None:
    found = config()
    assert not metric(found, "Accuracy").HasField("threshold")
    (threshold,) = metric(found, "Accuracy").per_slice_thresholds
    assert list(threshold.slicing_specs) == [config_pb2.SlicingSpec()]
    assert not metric(found, "MacroF1").per_slice_thresholds


def test_a_model_that_always_says_one_thing_is_below_a_bound_of_no_setting() -> None:
    (threshold,) = metric(
        config(min_accuracy="0"), "DistinctAnswers"
    ).per_slice_thresholds
    assert threshold.threshold.value_threshold.lower_bound.value == 2
    assert list(threshold.slicing_specs) == [config_pb2.SlicingSpec()]


def test_every_label_is_measured_by_itself_too() -> None:
    assert list(config().slicing_specs) == [
        config_pb2.SlicingSpec(),
        config_pb2.SlicingSpec(feature_keys=[contract.LABEL]),
    ]


def test_labels_are_compared_as_text_of_the_classify_signature() -> None:
    (spec,) = config().model_specs
    assert (spec.signature_name, spec.label_key) == ("classify", "label")
