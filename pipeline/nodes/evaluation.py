"""What Evaluator measures, and the bounds that decide about a blessing."""

from tensorflow_model_analysis.proto import config_pb2

from components import evaluation_metrics
from model import contract
from pipeline.config import PipelineConfig


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
    module = evaluation_metrics.__name__
    return [
        config_pb2.MetricConfig(class_name="ExampleCount"),
        config_pb2.MetricConfig(
            class_name=evaluation_metrics.Accuracy.__name__,
            module=module,
            # Not `threshold`, which every slice would have to meet.
            per_slice_thresholds=[
                config_pb2.PerSliceMetricThreshold(
                    slicing_specs=[config_pb2.SlicingSpec()],
                    threshold=_accuracy_threshold(config),
                )
            ],
        ),
        config_pb2.MetricConfig(
            class_name=evaluation_metrics.MacroF1.__name__, module=module
        ),
    ]


def _accuracy_threshold(config: PipelineConfig) -> config_pb2.MetricThreshold:
    """Asks for enough in itself and, where a model is live, not much less than that."""
    return config_pb2.MetricThreshold(
        value_threshold=config_pb2.GenericValueThreshold(
            lower_bound={"value": config.min_accuracy}
        ),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -config.run.evaluation.max_accuracy_drop},
        ),
    )
