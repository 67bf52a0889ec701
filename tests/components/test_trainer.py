"""The Trainer whose main settings a run may change."""

from typing import Any

import pytest
from tfx import v1 as tfx
from tfx.types import channel, standard_artifacts
from tfx.utils import json_utils

from components.trainer import SETTINGS, Trainer, settled
from model.config import TrainingConfig

# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)

COMPILED = {
    "training": {"max_epochs": 30, "learning_rate": 1e-3, "patience": 5},
    "checkpoint_root": "gs://b/checkpoints",
    "top_k": 3,
}


def config(**given: Any) -> dict[str, Any]:
    properties = {"run_fn": "f", "custom_config": json_utils.dumps(COMPILED), **given}
    found = settled(properties)
    assert found.keys() == {"run_fn", "custom_config"}  # What TFX's executor knows.
    return json_utils.loads(found["custom_config"])


def test_a_run_changes_some_settings_and_keeps_the_rest() -> None:
    found = config(max_epochs=2.0, learning_rate=1, checkpoint_root="/local")
    assert found == {
        "training": {"max_epochs": 2, "learning_rate": 1.0, "patience": 5},
        "checkpoint_root": "/local",
        "top_k": 3,
    }
    assert isinstance(found["training"]["max_epochs"], int)


def test_without_parameters_nothing_changes() -> None:
    assert config() == config(max_epochs=None, checkpoint_root=None) == COMPILED


def test_every_parameter_is_a_setting_of_that_type() -> None:
    for name, kind in SETTINGS.items():
        assert type(getattr(TrainingConfig(), name)) is kind


def test_the_node_takes_values_and_runtime_parameters() -> None:
    epochs = tfx.dsl.experimental.RuntimeParameter("max_epochs", int, default=3)
    node = Trainer(
        run_fn="model.hooks.run_fn",
        examples=channel.Channel(type=standard_artifacts.Examples),
        transform_graph=channel.Channel(type=standard_artifacts.TransformGraph),
        train_splits=["train"],
        eval_splits=["validation"],
        custom_config=COMPILED,
        parameters={"max_epochs": epochs, "seed": 4},
    )
    assert node.id == "Trainer"
    assert node.outputs.keys() == {"model", "model_run"}
    assert node.exec_properties["max_epochs"] is epochs
    assert node.exec_properties["seed"] == 4
