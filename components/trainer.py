"""Trainer: TFX's own, whose main settings each run of a compiled pipeline may change.

TFX's Trainer takes all that is ours as one constant, `custom_config`. On a cluster that
is what the pipeline was compiled with, and a person who submits a run can say no more.
Here some settings have parameters of their own, which go before.
"""

from typing import Any

from tfx import types
from tfx import v1 as tfx
from tfx.components.trainer import executor as trainer_executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_component_specs
from tfx.utils import json_utils

SETTINGS: dict[str, type] = {
    "max_epochs": int,
    "learning_rate": float,
    "global_batch_size": int,
    "seed": int,
}
"""What may be changed of `model.config.TrainingConfig`, and what it is."""

CHECKPOINT_ROOT = "checkpoint_root"

_CUSTOM_CONFIG = standard_component_specs.CUSTOM_CONFIG_KEY
_TRAINING = "training"


class Executor(trainer_executor.GenericExecutor):
    """Puts the parameters into `custom_config`, then trains."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        super().Do(input_dict, output_dict, settled(exec_properties))


def settled(exec_properties: dict[str, Any]) -> dict[str, Any]:
    """Gives the properties that TFX's executor knows, with what a run has changed."""
    properties = dict(exec_properties)
    given = {key: properties.pop(key, None) for key in (*SETTINGS, CHECKPOINT_ROOT)}
    root = given.pop(CHECKPOINT_ROOT)
    config = json_utils.loads(properties[_CUSTOM_CONFIG])
    # Kubeflow's numbers are floats.
    changed = {
        key: SETTINGS[key](value) for key, value in given.items() if value is not None
    }
    config[_TRAINING] = {**config[_TRAINING], **changed}
    if root is not None:
        config[CHECKPOINT_ROOT] = root
    return {**properties, _CUSTOM_CONFIG: json_utils.dumps(config)}


class TrainerSpec(standard_component_specs.TrainerSpec):
    """TFX's specification and the parameters."""

    PARAMETERS = {
        **standard_component_specs.TrainerSpec.PARAMETERS,
        CHECKPOINT_ROOT: component_spec.ExecutionParameter(type=str, optional=True),
        **{
            key: component_spec.ExecutionParameter(type=kind, optional=True)
            for key, kind in SETTINGS.items()
        },
    }


class Trainer(base_component.BaseComponent):
    """Trains by `run_fn` on what Transform made.

    Args:
        run_fn: dotted path of the function.
        examples: channel of the transformed `Examples`.
        transform_graph: channel of one `TransformGraph`.
        train_splits: what is learnt from.
        eval_splits: what is measured on.
        custom_config: constants for the function; `training` holds the settings.
        hyperparameters: channel of what a Tuner found.
        parameters: instead of what `custom_config` has, a value or a runtime parameter
            each: keys of `SETTINGS`, and `checkpoint_root`.
    """

    SPEC_CLASS = TrainerSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        *,
        run_fn: str,
        examples: types.BaseChannel,
        transform_graph: types.BaseChannel,
        train_splits: list[str],
        eval_splits: list[str],
        custom_config: dict[str, Any],
        hyperparameters: types.BaseChannel | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> None:
        artifacts = tfx.types.standard_artifacts
        spec = TrainerSpec(
            run_fn=run_fn,
            examples=examples,
            transform_graph=transform_graph,
            train_args=tfx.proto.TrainArgs(splits=train_splits),
            eval_args=tfx.proto.EvalArgs(splits=eval_splits),
            custom_config=json_utils.dumps(custom_config),
            hyperparameters=hyperparameters,
            model=types.Channel(type=artifacts.Model),
            model_run=types.Channel(type=artifacts.ModelRun),
            **(parameters or {}),
        )
        super().__init__(spec=spec)
