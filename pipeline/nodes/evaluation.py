"""What Evaluator measures, and the bounds that decide about a blessing."""

import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import config_pb2

from components import evaluation_metrics
from model import contract
from pipeline.config import PipelineConfig


def eval_config(config: PipelineConfig) -> tfma.EvalConfig:
    """Bounds hold over all rows; the slices, one per label, are for reading."""
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                model_type="tf_generic",
                signature_name=contract.Signature.CLASSIFY.value,
                label_key=contract.LABEL,
            )
        ],
        slicing_specs=[
            tfma.SlicingSpec(),
            tfma.SlicingSpec(feature_keys=[contract.LABEL]),
        ],
        metrics_specs=[tfma.MetricsSpec(metrics=_metrics(config))],
    )


def _metrics(config: PipelineConfig) -> list[tfma.MetricConfig]:
    module = evaluation_metrics.__name__
    return [
        tfma.MetricConfig(class_name="ExampleCount"),
        tfma.MetricConfig(
            class_name=evaluation_metrics.Accuracy.__name__,
            module=module,
            # Not `threshold`, which every slice would have to meet.
            per_slice_thresholds=[
                config_pb2.PerSliceMetricThreshold(
                    slicing_specs=[tfma.SlicingSpec()],
                    threshold=_accuracy_threshold(config),
                )
            ],
        ),
        tfma.MetricConfig(
            class_name=evaluation_metrics.MacroF1.__name__, module=module
        ),
    ]


def _accuracy_threshold(config: PipelineConfig) -> tfma.MetricThreshold:
    """Good enough in itself and, where a model is live, not much worse than that."""
    return tfma.MetricThreshold(
        value_threshold=tfma.GenericValueThreshold(
            lower_bound={"value": config.min_accuracy}
        ),
        change_threshold=tfma.GenericChangeThreshold(
            direction=tfma.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": -config.run.evaluation.max_accuracy_drop},
        ),
    )
