"""What the nodes depend on: who must agree before anything is pushed."""

import json
import warnings
from types import ModuleType
from typing import Any

import pytest

from model import contract
from pipeline.config import PUSHER, PipelineConfig, RunConfig
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


def test_here_the_model_to_beat_is_the_latest_pushed(create: ModuleType) -> None:
    resolver = nodes(create, metadata_path="m.sqlite")[create.BASELINE_RESOLVER]
    strategy = resolver.exec_properties["resolver_class"].__name__
    assert strategy == "LatestPushedModelStrategy"


def test_vertex_is_given_a_resolver_that_it_knows(create: ModuleType) -> None:
    resolver = nodes(create)[create.BASELINE_RESOLVER]
    strategy = resolver.exec_properties["resolver_class"].__name__
    assert strategy == "LatestBlessedModelStrategy"


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
