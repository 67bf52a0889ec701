"""SettingsTuner: TFX's Tuner, which also says what became of every trial.

TFX's own writes the trials that finished, with the settings that differ; why others
failed, and how long each took, is in its log alone.
"""

import shutil
from typing import Any

from tfx import types
from tfx import v1 as tfx
from tfx.components.tuner import executor as tuner_executor
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils, standard_component_specs

from model.tuning import trials
from model.tuning.search import SettingsTuner as Search


class Executor(tuner_executor.Executor):
    """Searches; writes the best settings, and all trials beside TFX's list of them."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        tuner = tuner_executor.search(
            input_dict,
            exec_properties,
            self._get_tmp_dir(),
            print_tuning_summary=False,
        )
        finish(tuner, output_dict)


def finish(tuner: Search, output_dict: dict[str, list[types.Artifact]]) -> None:
    """Writes what was found, and forgets what an interrupted search would need.

    Raises:
        RuntimeError: Every trial failed.
    """
    _ = tuner.best  # There is one.
    tuner_executor.write_best_hyperparameters(tuner, output_dict)
    results = output_dict[standard_component_specs.TUNER_RESULTS_KEY]
    trials.write_trials(artifact_utils.get_single_uri(results), tuner.trials)
    shutil.rmtree(tuner.directory, ignore_errors=True)


class SettingsTuner(tfx.components.Tuner):
    """TFX's Tuner with an executor that keeps every trial."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
