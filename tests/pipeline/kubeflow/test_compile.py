"""The compiled pipeline: what Kubeflow and Vertex AI get, and what we refuse."""

import functools
import json
import pathlib
import warnings
from types import ModuleType
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.commands.kubeflow import compile_command
from pipeline.config import PipelineConfig, RunConfig
from pipeline.errors import SettingError
from pipeline.kubeflow.resources import StepResources
from pipeline.kubeflow.volume_claim import VolumeClaim
from tests.support.golden import Golden

IMAGE = "keras-transformer-pipeline:1.2.3"
REMOTE_ROOT = "gs://bucket/root"
CLAIM = VolumeClaim(name="claim", mount_path="/data")
# The first test to import TFX waits half a minute, on a busy machine some minutes.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def tfx() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Not ours to mend.
        from pipeline.nodes import create
    return create.tfx


@pytest.fixture(scope="module")
def kubeflow(tfx: ModuleType) -> ModuleType:
    from pipeline.kubeflow import compile as kubeflow_compile

    return kubeflow_compile


def our_pipeline(*, data: str = "/data/rows.csv", trials: int = 0) -> Any:
    from pipeline.nodes.create import create_pipeline

    config = PipelineConfig(
        name="keras-transformer",
        run=RunConfig.of("tiny", {"tuner.trials": str(trials)}),
        data=data,
        pipeline_root=REMOTE_ROOT,
        serving_dir="/data/serving_model",
        edge_dir="/data/edge",
        checkpoint_root="/data/checkpoints",
    )
    return create_pipeline(config)


def small_pipeline(tfx: ModuleType, *more: Any, **settings: str) -> Any:
    """One ExampleGen, and what else is given."""
    example_gen = tfx.components.ImportExampleGen(
        input_base=settings.get("data_root", "/data/examples")
    ).with_id(settings.get("node_id", "ImportExampleGen"))
    return tfx.dsl.Pipeline(
        settings.get("name", "small"),
        settings.get("root", REMOTE_ROOT),
        components=[example_gen, *more],
    )


@functools.cache
def documents(path: pathlib.Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


@pytest.fixture(scope="module")
def compiled(
    kubeflow: ModuleType, tmp_path_factory: pytest.TempPathFactory
) -> pathlib.Path:
    path = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    pipeline = our_pipeline()
    kubeflow.compile_pipeline(pipeline, path, image=IMAGE, volumes=[CLAIM])
    return path


def test_the_steps_are_those_reviewed(compiled: pathlib.Path, golden: Golden):
    tasks = documents(compiled)[0]["root"]["dag"]["tasks"]
    inputs = {
        name: {
            key: source["taskOutputArtifact"]["producerTask"]
            for key, source in task.get("inputs", {}).get("artifacts", {}).items()
        }
        for name, task in tasks.items()
    }
    golden.check("kubeflow_steps.json", inputs)


def test_tuner_is_a_step_whose_settings_the_trainer_takes(
    kubeflow: ModuleType, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "pipeline.yaml"
    pipeline = our_pipeline(trials=3)
    kubeflow.compile_pipeline(pipeline, path, image=IMAGE, volumes=[CLAIM])
    spec = documents(path)[0]
    tasks = spec["root"]["dag"]["tasks"]
    taken = tasks["Trainer"]["inputs"]["artifacts"]["hyperparameters"]
    assert taken["taskOutputArtifact"] == {
        "outputArtifactKey": "best_hyperparameters",
        "producerTask": "SettingsTuner",
    }
    arguments = str(spec["deploymentSpec"]["executors"]["SettingsTuner_executor"])
    assert "components.settings_tuner.Executor" in arguments


def test_every_step_runs_our_entry_point_in_our_image(compiled: pathlib.Path):
    executors = documents(compiled)[0]["deploymentSpec"]["executors"].values()
    containers = [executor["container"] for executor in executors]
    assert {each["image"] for each in containers} == {IMAGE}
    assert {tuple(each["command"]) for each in containers} == {
        ("python", "-P", "-m", "pipeline.kubeflow.entrypoint")
    }


def test_the_kubeflow_sdk_accepts_the_file(compiled: pathlib.Path):
    from kfp import components
    from kfp.client import client

    assert components.load_component_from_file(str(compiled)).name
    package = client._extract_pipeline_yaml(str(compiled))
    assert package.pipeline_spec.schema_version == "2.1.0"
    assert package.pipeline_spec.default_pipeline_root == REMOTE_ROOT


def test_every_type_of_our_own_can_be_imported_in_a_step(compiled: pathlib.Path):
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils
    from tfx.utils import import_utils

    components = documents(compiled)[0]["components"].values()
    titles = {
        yaml.safe_load(output["artifactType"]["instanceSchema"])["title"]
        for component in components
        for output in component["outputDefinitions"]["artifacts"].values()
    }
    ours = {title for title in titles if not title.startswith("tfx.")}
    assert ours
    for title in ours:
        schema = kubeflow_v2_entrypoint_utils.pipeline_pb2.ArtifactTypeSchema(
            instance_schema=f"title: {title}"
        )
        path = kubeflow_v2_entrypoint_utils._retrieve_class_path(schema)
        assert title == import_utils.import_class_by_path(path).TYPE_NAME


def test_every_step_mounts_the_volume(compiled: pathlib.Path):
    spec, platform = documents(compiled)
    mounted = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert mounted.keys() == spec["deploymentSpec"]["executors"].keys()
    (mount,) = mounted["Trainer_executor"]["pvcMount"]
    assert (mount["mountPath"], mount["constant"]) == ("/data", "claim")


def test_only_steps_that_use_what_they_do_not_own_are_never_cached(
    compiled: pathlib.Path,
):
    tasks = documents(compiled)[0]["root"]["dag"]["tasks"]
    uncached = [name for name, task in tasks.items() if "cachingOptions" not in task]
    assert uncached == ["LiveModel", "Pusher", "TextExampleGen"]


def test_each_run_may_change_places_and_training_and_needs_to_change_none(
    compiled: pathlib.Path,
):
    declared = documents(compiled)[0]["root"]["inputDefinitions"]["parameters"]
    assert {name: about["defaultValue"] for name, about in declared.items()} == {
        "data": "/data/rows.csv",
        "serving_dir": "/data/serving_model",
        "edge_dir": "/data/edge",
        "checkpoint_root": "/data/checkpoints",
        "max_epochs": 3,
        "learning_rate": 1e-3,
        "global_batch_size": 64,
        "seed": 1,
    }
    assert all(about["isOptional"] for about in declared.values())
    assert declared["learning_rate"]["parameterType"] == "NUMBER_DOUBLE"


def test_what_a_step_is_not_given_is_optional(compiled: pathlib.Path):
    spec = documents(compiled)[0]
    for task in spec["root"]["dag"]["tasks"].values():
        component = spec["components"][task["componentRef"]["name"]]
        wanted = component.get("inputDefinitions", {}).get("parameters", {})
        given = task.get("inputs", {}).get("parameters", {})
        required = {n for n, about in wanted.items() if not about.get("isOptional")}
        assert required <= given.keys()


def test_every_step_has_limits_and_is_tried_again(compiled: pathlib.Path):
    spec = documents(compiled)[0]
    executors = spec["deploymentSpec"]["executors"]
    usual = executors["SchemaGen_executor"]["container"]["resources"]
    assert (usual["resourceCpuLimit"], usual["resourceMemoryLimit"]) == ("2", "4Gi")
    trainer = executors["Trainer_executor"]["container"]["resources"]
    assert (trainer["cpuLimit"], trainer["resourceMemoryLimit"]) == (4, "8Gi")
    tasks = spec["root"]["dag"]["tasks"].values()
    assert {task["retryPolicy"]["maxRetryCount"] for task in tasks} == {2}


def test_a_step_is_given_what_was_asked_for_it(
    kubeflow: ModuleType, tmp_path: pathlib.Path
):
    path = tmp_path / "pipeline.yaml"
    asked = StepResources.parse({"Trainer": "memory=16Gi,gpu=1"})
    kubeflow.compile_pipeline(our_pipeline(), path, image=IMAGE, resources=asked)
    executors = documents(path)[0]["deploymentSpec"]["executors"]
    trainer = executors["Trainer_executor"]["container"]["resources"]
    assert (trainer["cpuLimit"], trainer["resourceMemoryLimit"]) == (4, "16Gi")
    assert trainer["accelerator"]["type"] == "nvidia.com/gpu"
    kfp_spec = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
    json_format.ParseDict(trainer, kfp_spec.ResourceSpec())  # Fields that there are.


def test_resources_of_a_node_that_is_not_there_are_refused(
    kubeflow: ModuleType, tmp_path: pathlib.Path
):
    asked = StepResources.parse({"Tutor": "cpu=1"})
    path = tmp_path / "p.yaml"
    message = refusal(kubeflow, our_pipeline(), path, resources=asked)
    assert "There are resources for Tutor, which is no node" in message


def test_vertex_gets_a_job_with_its_root_and_no_resolver(
    kubeflow: ModuleType, tmp_path: pathlib.Path
):
    path = tmp_path / "new" / "pipeline.json"
    pipeline = our_pipeline(data="gs://bucket/rows.csv")
    kubeflow.compile_pipeline(pipeline, path, image=IMAGE)
    job = json.loads(path.read_text())
    assert job["runtimeConfig"]["gcsOutputDirectory"] == REMOTE_ROOT
    assert job["pipelineSpec"]["schemaVersion"] == "2.1.0"
    executors = job["pipelineSpec"]["deploymentSpec"]["executors"].values()
    assert not any("resolver" in executor for executor in executors)
    tasks = job["pipelineSpec"]["root"]["dag"]["tasks"]
    assert "cachingOptions" not in tasks["TextExampleGen"]
    declared = job["pipelineSpec"]["root"]["inputDefinitions"]["parameters"]
    assert declared["data"]["defaultValue"] == "gs://bucket/rows.csv"


def test_the_command_needs_no_more_than_an_output_file(
    tfx: ModuleType, tmp_path: pathlib.Path
):
    path = tmp_path / "a[1] {b}" / "pipe*line.yaml"
    result = CliRunner().invoke(
        compile_command, ["--output", str(path), "--data", "/data/rows.csv"]
    )
    assert result.exit_code == 0, result.exception
    spec, platform = documents(path)
    assert str(path) in result.output
    assert "Resolver" not in "".join(spec["root"]["dag"]["tasks"])
    assert "Trainer_executor" in json.dumps(platform)


def refusal(
    kubeflow: ModuleType, pipeline: Any, path: pathlib.Path, **settings: Any
) -> str:
    with pytest.raises(SettingError) as error:
        kubeflow.compile_pipeline(pipeline, path, **{"image": IMAGE, **settings})
    assert not list(path.parent.iterdir())
    return str(error.value)


@pytest.mark.parametrize("image", ["", "repo/image", "image:latest", "host:5/image"])
def test_an_image_that_can_change_is_refused(
    kubeflow: ModuleType, tfx: ModuleType, tmp_path: pathlib.Path, image: str
):
    pipeline = small_pipeline(tfx)
    message = refusal(kubeflow, pipeline, tmp_path / "p.yaml", image=image)
    assert f"The image is {image!r}" in message


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"name": "Keras"}, "name is 'Keras'"),
        ({"name": "keras_transformer"}, "name is 'keras_transformer'"),
        ({"node_id": "my_data"}, "id is 'my_data'"),
        ({"data_root": "s3://bucket/rows"}, "input_base = s3://bucket/rows"),
    ],
)
def test_what_kubeflow_cannot_run_is_refused(
    kubeflow: ModuleType,
    tfx: ModuleType,
    tmp_path: pathlib.Path,
    settings: dict[str, str],
    complaint: str,
):
    pipeline = small_pipeline(tfx, **settings)
    assert complaint in refusal(kubeflow, pipeline, tmp_path / "p.yaml")


def test_every_problem_is_named_at_once(
    kubeflow: ModuleType, tfx: ModuleType, tmp_path: pathlib.Path
):
    live = tfx.dsl.Resolver(
        strategy_class=tfx.dsl.experimental.LatestBlessedModelStrategy,
        model=tfx.dsl.Channel(type=tfx.types.standard_artifacts.Model),
    ).with_id("Live")
    pipeline = small_pipeline(tfx, live, name="Two")
    message = refusal(kubeflow, pipeline, tmp_path / "p.yaml")
    assert "Live is a Resolver" in message
    assert "name is 'Two'" in message


def test_vertex_wants_a_remote_root_and_no_volumes(
    kubeflow: ModuleType, tfx: ModuleType, tmp_path: pathlib.Path
):
    pipeline = small_pipeline(tfx, root="/pipeline")
    message = refusal(kubeflow, pipeline, tmp_path / "p.json", volumes=[CLAIM])
    assert "root is '/pipeline'" in message
    assert "no volume claims" in message


def test_another_suffix_is_refused(
    kubeflow: ModuleType, tfx: ModuleType, tmp_path: pathlib.Path
):
    message = refusal(kubeflow, small_pipeline(tfx), tmp_path / "p.txt")
    assert "must end in .yaml" in message


def test_a_failed_compilation_leaves_the_old_file(
    kubeflow: ModuleType, tfx: ModuleType, tmp_path: pathlib.Path
):
    path = tmp_path / "p.yaml"
    path.write_text("old")
    model = tfx.dsl.Importer(
        source_uri="gs://bucket/model",
        artifact_type=tfx.types.standard_artifacts.Model,
    ).with_id("Model")
    checker = tfx.components.InfraValidator(
        model=model.outputs["result"], serving_spec=tfx.proto.ServingSpec()
    )
    with pytest.raises(NotImplementedError):
        kubeflow.compile_pipeline(
            small_pipeline(tfx, model, checker), path, image=IMAGE
        )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
