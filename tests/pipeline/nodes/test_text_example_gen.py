"""The first step on a cluster gives the examples of a local run of the same file."""

import logging
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from model import contract
from pipeline.config import RunConfig
from pipeline.data import tfrecords
from pipeline.errors import DataError
from pipeline.labelled.rules import DataRules

RULES = DataRules.of(RunConfig.of("tiny"))
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def node() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Not ours to mend.
        from pipeline.nodes import text_example_gen
    return text_example_gen


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = [f'"text {n}, and more",{"abc"[n % 3]}\n' for n in range(90)]
    path.write_text("text,label\n" + "".join(lines) + ",a\n")
    return path


def examples(folder: Path) -> Any:
    from tfx.types import standard_artifacts

    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    return artifact


def done(executor_class: Any, folder: Path, properties: dict[str, Any]) -> Any:
    from pipeline.beam import IN_PROCESS

    context = executor_class.Context(
        beam_pipeline_args=list(IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    artifact = examples(folder / "examples")
    executor_class(context).Do({}, {"examples": [artifact]}, properties)
    return artifact


def of_the_step(node: ModuleType, folder: Path, data: str, unlabelled: str) -> Any:
    properties = {"data": data, "unlabelled": unlabelled, "rules": RULES.to_json()}
    return done(node.Executor, folder, properties)


def of_a_local_run(node: ModuleType, folder: Path, rows: Path) -> Any:
    from tfx.proto import example_gen_pb2
    from tfx.utils import proto_utils

    root = tfrecords.write(RULES.load(rows), folder)
    properties = {
        "input_base": str(root),
        "input_config": proto_utils.proto_to_json(node.splits_of(contract.SPLITS)),
        "output_config": proto_utils.proto_to_json(example_gen_pb2.Output()),
        "output_data_format": example_gen_pb2.FORMAT_TF_EXAMPLE,
    }
    return done(node.import_executor.Executor, folder, properties)


def rows_of(artifact: Any, split: str) -> list[tuple[bytes, bytes]]:
    from components.examples import read_rows

    return list(read_rows(f"{artifact.uri}/Split-{split}"))


@pytest.mark.filterwarnings("ignore")  # Beam's and TFX's own.
def test_examples_are_those_of_a_local_run_in_the_same_order(
    node: ModuleType, rows: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, node.__name__):
        ours = of_the_step(node, tmp_path / "step", str(rows), "")
    local = of_a_local_run(node, tmp_path / "local", rows)
    assert ours.split_names == local.split_names == '["train", "validation", "test"]'
    for split in contract.SPLITS:
        assert rows_of(ours, split) == rows_of(local, split)
    told = [record.getMessage() for record in caplog.records]
    assert f"{rows}: 75 train, 8 validation, 7 test rows, 3 labels" in told
    assert "dropped 1 × empty text" in told


@pytest.mark.filterwarnings("ignore")
def test_texts_for_a_teacher_are_a_split_of_their_own(
    node: ModuleType, rows: Path, tmp_path: Path
) -> None:
    (tmp_path / "more.txt").write_text("unseen one\nunseen two\n")
    unlabelled = (tmp_path / "more.txt").as_uri()
    found = of_the_step(node, tmp_path / "step", rows.as_uri(), unlabelled)
    assert rows_of(found, contract.UNLABELLED) == [
        (b"unseen one", b""),
        (b"unseen two", b""),
    ]


def test_data_that_is_not_there_is_named(node: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing.csv does not exist"):
        of_the_step(node, tmp_path, str(tmp_path / "nothing.csv"), "")
