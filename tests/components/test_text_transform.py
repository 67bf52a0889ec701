"""Transform that is told where the vocabulary is, and what it leaves behind."""

from pathlib import Path
from typing import Any

import pytest
from tfx.components.transform import executor as transform_executor
from tfx.types import channel, standard_artifacts
from tfx.utils import json_utils

from components.artifacts import Vocabulary
from components.text_transform import Executor, TextTransform, read_token_lengths
from model import contract
from tests.support.token_records import write_token_records

Call = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What TFX's own executor is called with."""
    calls: list[Call] = []
    monkeypatch.setattr(
        transform_executor.Executor, "Do", lambda _, *given: calls.append(given)
    )
    return calls


def inputs() -> dict[str, list[Any]]:
    vocabulary = Vocabulary()
    vocabulary.uri = "/artifacts/vocabulary/3"
    return {"vocabulary": [vocabulary], "examples": [standard_artifacts.Examples()]}


@pytest.mark.parametrize(
    ("given", "constants"),
    [('{"code_fingerprint": "f"}', {"code_fingerprint": "f"}), ("null", {}), ("", {})],
)
def test_the_folder_of_the_vocabulary_joins_the_constants(
    calls: list[Call], given: str, constants: dict[str, str]
) -> None:
    Executor().Do(inputs(), {}, {"custom_config": given, "preprocessing_fn": "a.b"})
    ((_, _, properties),) = calls
    assert json_utils.loads(properties["custom_config"]) == {
        **constants,
        contract.VOCABULARY_DIR: "/artifacts/vocabulary/3",
    }
    assert properties["preprocessing_fn"] == "a.b"


def test_transform_sees_only_the_inputs_that_it_knows(calls: list[Call]) -> None:
    mine = inputs()
    Executor().Do(mine, {"out": []}, {})
    ((seen, outputs, _),) = calls
    assert seen.keys() == {"examples"}
    assert outputs == {"out": []}
    assert mine.keys() == {"vocabulary", "examples"}  # The launcher's are not touched.


def test_the_node_takes_a_vocabulary_and_transforms_every_split() -> None:
    node = TextTransform(
        examples=channel.Channel(type=standard_artifacts.Examples),
        schema=channel.Channel(type=standard_artifacts.Schema),
        vocabulary=channel.Channel(type=Vocabulary),
        preprocessing_fn="model.hooks.preprocessing_fn",
        custom_config={"code_fingerprint": "f"},
    )
    assert node.inputs.keys() == {"examples", "schema", "vocabulary"}
    assert node.outputs.keys() == {"transform_graph", "transformed_examples"}
    assert node.exec_properties["preprocessing_fn"] == "model.hooks.preprocessing_fn"
    assert json_utils.loads(node.exec_properties["custom_config"]) == {
        "code_fingerprint": "f"
    }


def test_token_lengths_are_counted_over_all_files_of_one_split(tmp_path: Path) -> None:
    for split in ("train", "test"):
        (tmp_path / f"Split-{split}").mkdir()
    train = tmp_path / "Split-train"
    write_token_records(train / "0.gz", [([2, 3], 0), ([2, 9, 3], 1)])
    write_token_records(train / "1.gz", [([2, 3], 0), ([2, 9, 8, 7, 3], 1)])
    write_token_records(tmp_path / "Split-test" / "0.gz", [([2], 0)])
    assert read_token_lengths(str(tmp_path), "train") == (0, 0, 2, 1, 0, 1)
    assert read_token_lengths(str(tmp_path), "test") == (0, 1)
