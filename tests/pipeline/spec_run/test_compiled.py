"""What is read of a compiled pipeline, and what is refused."""

import json
from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.spec_run.compiled import CompiledPipeline
from tests.support.pipeline import small_spec
from tests.support.pipeline.small_spec import spec, task, write

PARAMETERS = {
    "data": {"parameterType": "STRING", "defaultValue": "/data/rows.csv"},
    "place": {"parameterType": "STRING"},
}
PLATFORMS = {
    "platforms": {
        "kubernetes": {
            "deploymentSpec": {
                "executors": {
                    "a_executor": {
                        "pvcMount": [{"mountPath": "/data", "constant": "claim"}]
                    }
                }
            }
        }
    }
}


def two_tasks() -> small_spec.Json:
    tasks = {"b": task("", inputs={"x": ("a", "out")}), "a": task("")}
    return spec(tasks, PARAMETERS)


@pytest.mark.parametrize("name", ["p.yaml", "p.json"])
def test_both_kinds_of_file_have_the_same_tasks(tmp_path: Path, name: str) -> None:
    found = CompiledPipeline.load(write(tmp_path / name, two_tasks()))
    assert found.name == "small"
    assert found.tasks["b"].needs == {"a"}
    assert found.parameters == {"data": "/data/rows.csv", "place": None}


def test_the_second_document_says_what_is_mounted_where(tmp_path: Path) -> None:
    path = write(tmp_path / "p.yaml", two_tasks(), PLATFORMS)
    assert CompiledPipeline.load(path).mounts == {"claim": "/data"}


def test_a_job_gives_parameters_itself(tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    runtime = {"parameterValues": {"place": "here"}}
    path.write_text(json.dumps({"pipelineSpec": two_tasks(), "runtimeConfig": runtime}))
    assert CompiledPipeline.load(path).values({})["place"] == "here"


def test_a_run_completes_its_parameters_with_the_defaults(tmp_path: Path) -> None:
    found = CompiledPipeline.load(write(tmp_path / "p.yaml", two_tasks()))
    values = found.values({"place": "x"})
    assert values == {"data": "/data/rows.csv", "place": "x"}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "parameters place have no default; give each with --parameter"),
        ({"dat": "x"}, "no parameter 'dat'; it has data, place"),
    ],
)
def test_parameters_that_are_missing_or_unknown_are_named(
    tmp_path: Path, given: dict[str, str], complaint: str
) -> None:
    found = CompiledPipeline.load(write(tmp_path / "p.yaml", two_tasks()))
    with pytest.raises(SettingError, match=complaint):
        found.values(given)


def without_component(content: small_spec.Json) -> None:
    del content["components"]["a"]


def with_resolver(content: small_spec.Json) -> None:
    content["deploymentSpec"]["executors"]["a_executor"] = {"resolver": {}}


def with_unknown_need(content: small_spec.Json) -> None:
    content["root"]["dag"]["tasks"]["a"]["dependentTasks"] = ["z"]


def with_a_circle(content: small_spec.Json) -> None:
    content["root"]["dag"]["tasks"]["a"]["dependentTasks"] = ["b"]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (without_component, "is no compiled pipeline: it has no 'a'"),
        (with_resolver, "the task a is run by a resolver, which open-source Kubeflow"),
        (with_unknown_need, "the task a needs 'z', which is no task"),
        (with_a_circle, "wait for each other in a circle"),
    ],
)
def test_what_cannot_be_run_is_refused(
    tmp_path: Path, spoil: object, complaint: str
) -> None:
    content = two_tasks()
    spoil(content)  # type: ignore[operator]
    with pytest.raises(SettingError, match=complaint):
        CompiledPipeline.load(write(tmp_path / "p.yaml", content))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it holds no object"),
        ("- 1", "it holds no object"),
        ("a: [", "is no compiled pipeline: while parsing"),
        ("kind: Deployment", "it has no 'root'"),
    ],
)
def test_a_file_of_something_else_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(SettingError, match=complaint):
        CompiledPipeline.load(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="nothing.yaml cannot be read"):
        CompiledPipeline.load(tmp_path / "nothing.yaml")
