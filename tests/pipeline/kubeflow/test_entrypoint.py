"""Our entry point on inputs as open-source Kubeflow gives them.

The shapes are those of backend 2.17: `tests/support/pipeline/kfp_backend.py` says what
is odd.
"""

import pathlib
import warnings
from types import ModuleType
from typing import Any

import pytest

from pipeline.errors import DataError
from pipeline.kubeflow import entrypoint
from pipeline.kubeflow.entrypoint import Invocation
from tests.support.pipeline import kfp_backend
from tests.support.pipeline.kfp_backend import KfpBackend

EXAMPLES_URI = "minio://mlpipeline/v2/artifacts/run/ImportExampleGen/examples"
STATISTICS_URI = "minio://mlpipeline/v2/artifacts/run/StatisticsGen/statistics"
DECLARED = {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
ROWS = 20


def recorded(
    *, uri: str = EXAMPLES_URI, type_: Any = None, beam_args: tuple[str, ...] = ()
) -> Invocation:
    """StatisticsGen as the launcher starts it."""
    examples: dict[str, Any] = {
        "name": "projects/1/artifacts/7",
        "uri": uri,
        "metadata": {
            "display_name": "examples",
            "store_session_info": '{"Provider":"minio"}',
            "split_names": '["train"]',
        },
    }
    if type_ is not None:
        examples["type"] = type_
    executor_input = {
        "inputs": {
            "parameterValues": {"exclude_splits": "[]"},
            "artifacts": {"examples": {"artifacts": [examples]}},
        },
        "outputs": {
            "artifacts": {
                "statistics": {"artifacts": [{"uri": STATISTICS_URI}]},
                "executor-logs": {
                    "artifacts": [
                        {
                            "type": {"schemaTitle": "system.Artifact"},
                            "uri": "minio://mlpipeline/logs",
                        }
                    ]
                },
            },
            "outputFile": "/tmp/kfp_outputs/output_metadata.json",
        },
    }
    return Invocation(
        executor_class_path="tfx.components.statistics_gen.executor.Executor",
        executor_input=executor_input,
        inputs_spec={"artifacts": {"examples": {"artifactType": DECLARED}}},
        beam_args=beam_args,
    )


def only_input(invocation: Invocation) -> dict[str, Any]:
    (artifact,) = invocation.executor_input["inputs"]["artifacts"]["examples"][
        "artifacts"
    ]
    return artifact


def test_arguments_come_back_as_they_went_in():
    invocation = recorded(beam_args=("--runner=x", "--direct_num_workers=1"))
    assert Invocation.parse(invocation.argv) == invocation


def test_arguments_may_stand_apart_from_their_names():
    argv = [
        *("--executor_class_path", "a.B"),
        *("--json_serialized_invocation_args", '{"outputs": {}}'),
        *("--json_serialized_inputs_spec_args", "{}"),
        "--runner=x",
    ]
    assert Invocation.parse(argv).beam_args == ("--runner=x",)


def test_kubeflow_s_own_output_is_dropped():
    prepared = entrypoint.prepared(recorded())
    assert list(prepared.executor_input["outputs"]["artifacts"]) == ["statistics"]


@pytest.mark.parametrize(
    "type_",
    [None, {}, {"instanceSchema": ""}, {"schemaTitle": ""},
     {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}],
)  # fmt: skip
def test_an_input_without_a_type_gets_the_declared_one(type_: Any):
    prepared = entrypoint.prepared(recorded(type_=type_))
    assert only_input(prepared)["type"] == DECLARED


def test_a_type_that_tfx_knows_is_kept():
    given = {"schemaTitle": "tfx.Examples"}
    prepared = entrypoint.prepared(recorded(type_=given))
    assert only_input(prepared)["type"] == given


def test_properties_of_the_store_are_dropped_and_tfx_s_are_kept():
    prepared = entrypoint.prepared(recorded())
    assert only_input(prepared)["metadata"] == {"split_names": '["train"]'}


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://bucket/a/b", "/minio/bucket/a/b"),
        ("s3://bucket/a", "/s3/bucket/a"),
        ("gs://bucket/a", "/gcs/bucket/a"),
        ("/data/examples", "/data/examples"),
    ],
)
def test_remote_artifacts_are_used_through_the_mirror(uri: str, path: str):
    assert only_input(entrypoint.prepared(recorded(uri=uri)))["uri"] == path


def test_dataflow_reads_gs_uris_itself():
    invocation = recorded(uri="gs://bucket/a", beam_args=("--runner=DataflowRunner",))
    assert only_input(entrypoint.prepared(invocation))["uri"] == "gs://bucket/a"


def test_a_step_without_kubeflow_s_oddities_is_left_alone():
    invocation = recorded(uri="/data/examples", type_=DECLARED)
    outputs = invocation.executor_input["outputs"]["artifacts"]
    del outputs["executor-logs"]
    outputs["statistics"]["artifacts"][0]["uri"] = "/data/statistics"
    only_input(invocation)["metadata"] = {"split_names": '["train"]'}
    assert entrypoint.prepared(invocation) == invocation
    assert not dict(entrypoint.mirrored_uris(invocation))


def test_preparing_does_not_change_what_was_given():
    invocation = recorded()
    entrypoint.prepared(invocation)
    assert invocation == recorded()


def test_local_paths_become_remote_wherever_they_are_written():
    remote_uris = {"/minio/b/run/model": "minio://b/run/model"}
    output = {
        "uri": "/minio/b/run/model",
        "metadata": {"best": ["/minio/b/run/model/1"], "other": "/minio/b/run/model2"},
        "span": 3,
    }
    assert entrypoint.with_remote_uris(output, remote_uris) == {
        "uri": "minio://b/run/model",
        "metadata": {
            "best": ["minio://b/run/model/1"],
            "other": "/minio/b/run/model2",
        },
        "span": 3,
    }


@pytest.fixture(scope="module")
def tfx() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Not ours to mend.
        from pipeline.kubeflow import compile
        from pipeline.run import node_runner  # noqa: F401
    return compile.tfx


def test_every_output_has_a_folder_that_is_empty(
    tfx: ModuleType, tmp_path: pathlib.Path
):
    invocation = recorded(uri=str(tmp_path / "in"))
    outputs = invocation.executor_input["outputs"]["artifacts"]
    outputs["statistics"]["artifacts"][0]["uri"] = str(tmp_path / "out")
    outputs["executor-logs"]["artifacts"][0]["uri"] = str(tmp_path / "logs")
    (tmp_path / "out" / "Format-Serving").mkdir(parents=True)  # Of a failed attempt.
    entrypoint.empty_outputs(entrypoint.prepared(invocation))
    assert not list((tmp_path / "out").iterdir())
    assert {path.name for path in tmp_path.iterdir()} == {"out"}


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [(None, 0, ""), (DataError("no rows"), 1, "Error: no rows\n")],
)
def test_what_a_person_can_mend_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: DataError | None,
    status: int,
    told: str,
):
    def main(argv: object) -> None:
        if error is not None:
            raise error

    monkeypatch.setattr(entrypoint, "main", main)
    assert entrypoint.run_step([]) == status
    assert capsys.readouterr().err == told


@pytest.fixture
def spec_path(tfx: ModuleType, tmp_path: pathlib.Path) -> pathlib.Path:
    """ExampleGen, StatisticsGen and SchemaGen over a few rows, compiled."""
    from pipeline.beam import IN_PROCESS
    from pipeline.kubeflow.compile import compile_pipeline

    data_dir = tmp_path / "data"
    write_rows(data_dir / "train.tfrecord")
    example_gen = tfx.components.ImportExampleGen(
        input_base=str(data_dir),
        input_config=tfx.proto.Input(
            splits=[tfx.proto.Input.Split(name="train", pattern="train.tfrecord")]
        ),
    )
    statistics_gen = tfx.components.StatisticsGen(
        examples=example_gen.outputs["examples"]
    )
    schema_gen = tfx.components.SchemaGen(
        statistics=statistics_gen.outputs["statistics"]
    )
    pipeline = tfx.dsl.Pipeline(
        "small",
        kfp_backend.ROOT_URI,
        components=[example_gen, statistics_gen, schema_gen],
        beam_pipeline_args=list(IN_PROCESS),
    )
    compile_pipeline(pipeline, tmp_path / "small.yaml", image="image:1")
    return tmp_path / "small.yaml"


def write_rows(path: pathlib.Path) -> None:
    import tensorflow as tf

    path.parent.mkdir()
    text = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"a text"]))
    row = tf.train.Example(features=tf.train.Features(feature={"text": text}))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(ROWS):
            writer.write(row.SerializeToString())


def check_schema(backend: KfpBackend) -> None:
    schema = backend.artifacts["SchemaGen", "schema"]
    assert schema["uri"] == f"{kfp_backend.ROOT_URI}/SchemaGen/schema"
    below_mirror = schema["uri"].replace("://", "/")
    text = (backend.mirror / below_mirror / "schema.pbtxt").read_text()
    assert 'name: "text"' in text


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # Beam's and TFX's own.
def test_steps_run_as_kubeflow_starts_them(
    spec_path: pathlib.Path, tmp_path: pathlib.Path
):
    backend = KfpBackend.of(
        spec_path, tmp_path, launch=lambda command: entrypoint.main(command[3:])
    )
    backend.run("ImportExampleGen")
    examples = backend.artifacts["ImportExampleGen", "examples"]["metadata"]
    assert examples["split_names"] == '["train", "eval"]'
    assert "num_files:1" in examples["input_fingerprint"]  # The driver's work.
    backend.run("StatisticsGen")
    backend.run("SchemaGen")
    check_schema(backend)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_compiled_command_runs_in_a_process_of_its_own(
    spec_path: pathlib.Path, tmp_path: pathlib.Path
):
    backend = KfpBackend.of(spec_path, tmp_path)
    for task in ("ImportExampleGen", "StatisticsGen"):
        backend.run(task)
    output = (tmp_path / "StatisticsGen" / "output_metadata.json").read_text()
    assert backend.artifacts["StatisticsGen", "statistics"]["uri"] in output
    assert str(tmp_path) not in output
