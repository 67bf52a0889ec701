"""The model to beat is what the folder of versions serves."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tfx.components.evaluator import executor as evaluator_executor
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components import evaluator
from components.pushing import live_model
from components.pushing.live_model import LiveModel


@pytest.fixture
def serving(tmp_path: Path) -> Path:
    return tmp_path / "serving_model"


def pushed(serving: Path, version: int, *signatures: str) -> None:
    saved_model = saved_model_pb2.SavedModel()
    graph = saved_model.meta_graphs.add()
    for name in signatures:
        graph.signature_def[name].method_name = "predict"
    (serving / str(version) / "variables").mkdir(parents=True)
    path = serving / str(version) / "saved_model.pb"
    path.write_bytes(saved_model.SerializeToString())
    (serving / str(version) / "variables" / "data").write_text(f"weights {version}")


def found(serving: Path) -> standard_artifacts.Model:
    model = standard_artifacts.Model()
    model.uri = str(serving.parent / "artifact")
    tf.io.gfile.makedirs(model.uri)
    LiveModel.EXECUTOR_SPEC.executor_class._FUNCTION(
        model=model, serving_dir=str(serving), newest=""
    )
    return model


def test_the_newest_version_is_copied_with_its_number(serving: Path) -> None:
    pushed(serving, 9, "classify", "serving_default")
    pushed(serving, 10, "classify", "serving_default")
    (serving / ".withdrawn-11").mkdir()
    (serving / ".staging-12").mkdir()
    model = found(serving)
    assert live_model.read_version(model) == "10"
    copied = Path(path_utils.serving_model_path(model.uri))
    assert (copied / "variables" / "data").read_text() == "weights 10"
    assert live_model.is_there(model)


@pytest.mark.parametrize("is_made", [True, False])
def test_without_a_version_there_is_none(serving: Path, is_made: bool) -> None:
    if is_made:
        serving.mkdir()
    model = found(serving)
    assert not live_model.is_there(model)
    assert live_model.read_version(model) is None


def test_a_model_of_somebody_else_is_named(serving: Path) -> None:
    pushed(serving, 3, "predict_images")
    with pytest.raises(ValueError, match="3 is live and has the signatures predict_im"):
        found(serving)


@pytest.mark.parametrize("is_live", [True, False])
def test_evaluator_compares_only_with_a_model_that_is_there(
    serving: Path, monkeypatch: pytest.MonkeyPatch, is_live: bool
) -> None:
    if is_live:
        pushed(serving, 3, "classify")
    given = {}
    monkeypatch.setattr(
        evaluator_executor.Executor,
        "Do",
        lambda self, inputs, outputs, properties: given.update(inputs),
    )
    inputs = {"baseline_model": [found(serving)], "examples": []}
    evaluator.Executor().Do(inputs, {}, {})
    assert given.keys() == ({"baseline_model", "examples"} if is_live else {"examples"})
