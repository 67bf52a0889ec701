"""What Evaluator measures, and the bounds that decide about a blessing."""

from tensorflow_model_analysis.proto import config_pb2

from components import evaluation_metrics
from model import contract
from pipeline.config import PipelineConfig

MIN_DISTINCT_ANSWERS = 2
"""A model that always says one thing is never pushed, however often that is right. No
setting changes this."""


def eval_config(config: PipelineConfig) -> config_pb2.EvalConfig:
    """Sets bounds over all rows; the slices, one per label, are for reading."""
    return config_pb2.EvalConfig(
        model_specs=[
            config_pb2.ModelSpec(
                model_type="tf_generic",
                signature_name=contract.Signature.CLASSIFY.value,
                label_key=contract.LABEL,
            )
        ],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            config_pb2.SlicingSpec(feature_keys=[contract.LABEL]),
        ],
        metrics_specs=[config_pb2.MetricsSpec(metrics=_metrics(config))],
    )


def _metrics(config: PipelineConfig) -> list[config_pb2.MetricConfig]:
    return [
        config_pb2.MetricConfig(class_name="ExampleCount"),
        _metric(evaluation_metrics.Accuracy, _accuracy_threshold(config)),
        _metric(evaluation_metrics.GainOverMajority, _majority_threshold(config)),
        _metric(evaluation_metrics.DistinctAnswers, _at_least(MIN_DISTINCT_ANSWERS)),
        _metric(evaluation_metrics.MacroF1),
    ]


def _metric(
    kind: type, threshold: config_pb2.MetricThreshold | None = None
) -> config_pb2.MetricConfig:
    """Gives a metric of ours, with a bound over all rows."""
    bounds = []
    if threshold is not None:
        # Not `threshold`, which every slice would have to meet.
        bounds.append(
            config_pb2.PerSliceMetricThreshold(
                slicing_specs=[config_pb2.SlicingSpec()], threshold=threshold
            )
        )
    return config_pb2.MetricConfig(
        class_name=kind.__name__,
        module=evaluation_metrics.__name__,
        per_slice_thresholds=bounds,
    )


def _at_least(bound: float) -> config_pb2.MetricThreshold:
    return config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(lower_bound={"value": bound})
    )


def _accuracy_threshold(config: PipelineConfig) -> config_pb2.MetricThreshold:
    """Asks for enough in itself and, where a model is live, not much less than that."""
    threshold = _at_least(config.run.evaluation.min_accuracy or 0.0)
    threshold.change_threshold.CopyFrom(
        config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -config.run.evaluation.max_accuracy_drop},
        )
    )
    return threshold


def _majority_threshold(config: PipelineConfig) -> config_pb2.MetricThreshold | None:
    """Without a bound by the settings the test rows give one, on any orchestrator."""
    return _at_least(0.0) if config.run.evaluation.min_accuracy is None else None
