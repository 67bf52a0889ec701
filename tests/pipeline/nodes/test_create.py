"""What the nodes depend on: who must agree before anything is pushed."""

import json
import warnings
from types import ModuleType
from typing import Any

import pytest

from model import contract
from pipeline.config import PUSHER, PipelineConfig, RunConfig
from pipeline.labelled.rules import DataRules
from pipeline.teacher import Teacher

# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def create() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Not ours to mend.
        from pipeline.nodes import create
    return create


def nodes(
    create: ModuleType,
    overrides: dict[str, str] | None = None,
    *,
    teacher: Teacher | None = None,
    **settings: Any,
) -> dict[str, Any]:
    config = PipelineConfig(
        name="p",
        run=RunConfig.of("tiny", overrides, teacher=teacher),
        data_root="d",
        pipeline_root="r",
        serving_dir="s",
        edge_dir="e",
        **settings,
    )
    return {node.id: node for node in create.create_pipeline(config).components}


def test_one_node_pushes_and_waits_for_every_check(create: ModuleType) -> None:
    found = nodes(create)
    assert [name for name in found if "Pusher" in name] == [PUSHER]
    sources = {
        channel.producer_component_id for channel in found[PUSHER].inputs.values()
    }
    checks = {"Evaluator", "ModelServerValidator", "EdgeExporter"}
    assert checks <= sources


def test_the_linear_model_waits_for_the_rows_and_nobody_waits_for_it(
    create: ModuleType,
) -> None:
    found = nodes(create)
    (source,) = found["LinearBaseline"].inputs.values()
    assert source.producer_component_id == "ImportExampleGen"
    waiting = [
        name
        for name, node in found.items()
        for channel in node.inputs.values()
        if getattr(channel, "producer_component_id", "") == "LinearBaseline"
    ]
    assert waiting == []


def test_a_gain_over_the_linear_model_is_a_gate_where_it_is_asked_for(
    create: ModuleType,
) -> None:
    found = nodes(create, {"evaluation.min_gain_over_linear": "0.02"})
    sources = {
        key: channel.producer_component_id
        for key, channel in found[PUSHER].inputs.items()
    }
    assert sources["linear_blessing"] == "LinearGate"
    assert found["LinearGate"].exec_properties["min_gain"] == 0.02


def test_the_pusher_of_another_run_is_not_taken_from_the_cache(
    create: ModuleType,
) -> None:
    first, second = (nodes(create, run_id=name)[PUSHER] for name in ("a", "b"))
    assert first.exec_properties != second.exec_properties


def test_the_model_to_beat_is_looked_for_where_models_are_pushed(
    create: ModuleType,
) -> None:
    found = nodes(create, live_version="17")
    assert found[create.LIVE_MODEL].exec_properties == {
        "serving_dir": "s",
        "newest": "17",
    }
    assert reads(found["Evaluator"])["baseline_model"] == create.LIVE_MODEL


def test_on_a_cluster_the_first_step_reads_the_data_by_the_rules_of_the_settings(
    create: ModuleType,
) -> None:
    settings = {"data.text_column": "body"}
    found = nodes(create, settings, data="/data/rows.csv", unlabelled="/data/more.txt")
    properties = found["TextExampleGen"].exec_properties
    assert properties["data"].default == "/data/rows.csv"
    assert properties["unlabelled"].default == "/data/more.txt"
    assert DataRules.from_json(properties["rules"]).data.text_column == "body"
    for name in ("LiveModel", PUSHER):
        assert found[name].exec_properties["serving_dir"].name == "serving_dir"


def reads(node: Any) -> dict[str, str]:
    """Which node each input of a node comes from."""
    return {key: channel.producer_component_id for key, channel in node.inputs.items()}


def test_without_a_teacher_nobody_scores(create: ModuleType) -> None:
    found = nodes(create)
    assert "TeacherScorer" not in found
    assert reads(found["TextTransform"])["examples"] == "ImportExampleGen"
    splits = json.loads(found["Trainer"].exec_properties["train_args"])["splits"]
    assert splits == [contract.TRAIN]
    assert '"distillation": null' in found["Trainer"].exec_properties["custom_config"]


def test_what_learns_reads_the_teachers_scores_and_what_measures_does_not(
    create: ModuleType,
) -> None:
    found = nodes(create, teacher=Teacher(uri="gs://t/3"), has_unlabelled=True)
    transform = reads(found["TextTransform"])
    assert transform["examples"] == transform["schema"] == "TeacherScorer"
    for name in ("VocabularyGen", "Evaluator", "BatchPredictor", "LinearBaseline"):
        assert reads(found[name])["examples"] == "ImportExampleGen"
    splits = json.loads(found["Trainer"].exec_properties["train_args"])["splits"]
    assert splits == [contract.TRAIN, contract.UNLABELLED, contract.MADE_UP]
    excluded = found["StatisticsGen"].exec_properties["exclude_splits"]
    assert json.loads(excluded) == [contract.UNLABELLED]


def test_another_teacher_is_asked_anew(create: ModuleType) -> None:
    first, second = (
        nodes(create, teacher=Teacher(uri="t", digest=digest))["TeacherScorer"]
        for digest in "ab"
    )
    assert first.exec_properties != second.exec_properties


def test_nothing_is_made_up_where_nobody_wants_it(create: ModuleType) -> None:
    none = {"distillation.made_up_texts": "0"}
    trainer = nodes(create, none, teacher=Teacher(uri="t"))["Trainer"]
    splits = json.loads(trainer.exec_properties["train_args"])["splits"]
    assert splits == [contract.TRAIN]
