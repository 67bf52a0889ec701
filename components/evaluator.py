"""Evaluator: TFX's own, which compares with the live model where there is one."""

from typing import Any

from tfx import types
from tfx import v1 as tfx
from tfx.components.evaluator import executor as evaluator_executor
from tfx.dsl.components.base import executor_spec
from tfx.types import standard_component_specs

from components.pushing import live_model

_BASELINE = standard_component_specs.BASELINE_MODEL_KEY


class Executor(evaluator_executor.Executor):
    """Takes an empty baseline for none, and then leaves out what compares with it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        inputs = dict(input_dict)
        if not all(map(live_model.is_there, inputs.get(_BASELINE, ()))):
            del inputs[_BASELINE]
        super().Do(inputs, output_dict, exec_properties)


class Evaluator(tfx.components.Evaluator):
    """TFX's component with that executor; `baseline_model` may be `LiveModel`'s."""

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
