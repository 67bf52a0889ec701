"""model.tflite in place of a SavedModel."""

import concurrent.futures
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

from serving.server.flags import ServerFlags
from serving.server.loading.loader import SavedModelLoader
from serving.server.loading.tflite import TfliteServable
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.servable import WarmupReport
from serving.server.status import Code, StatusError

pytestmark = pytest.mark.timeout(300)

SIGNATURES = ("serving_default", "two", "echo", "fixed")


@pytest.fixture(scope="module")
def version_dir(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A version directory with nothing but a TFLite model."""
    from tests.support.serving.tflite_models import save_tflite

    path = tmp_path_factory.mktemp("edge") / "1"
    path.mkdir()
    save_tflite(path / "model.tflite", SIGNATURES)
    return path


@pytest.fixture(scope="module")
def model(version_dir: pathlib.Path) -> Any:
    flags = ServerFlags(
        prefer_tflite_model=True, num_tflite_pools=2, enable_batching=True
    )
    loader = SavedModelLoader(flags)
    entry = ModelEntry(name="m", base_path=str(version_dir.parent))
    return loader(entry, ServedVersion("m", 1, str(version_dir)))


def test_a_tflite_file_is_served_without_a_saved_model(model: Any) -> None:
    assert isinstance(model, TfliteServable)
    assert set(model.signatures) == set(SIGNATURES)
    info = model.signatures["two"].inputs["a"]
    assert [dim.size for dim in info.tensor_shape.dim] == [-1, 3]
    assert model.warmup_report.how == "synthesised"


@pytest.mark.parametrize("rows", [1, 5, 2])
def test_inputs_take_the_shape_of_the_request(model: Any, rows: int) -> None:
    x = np.arange(rows, dtype=np.float32)
    found = model.run("serving_default", {"x": x}, ["y"], None)
    np.testing.assert_array_equal(found["y"], x / 2)


def test_only_wanted_outputs_come_back(model: Any) -> None:
    inputs = {"a": np.ones((2, 3), np.float32), "b": np.int32([1, 2])}
    found = model.run("two", inputs, ["double"], 1.0)
    assert {alias: value.tolist() for alias, value in found.items()} == {
        "double": [2, 4]
    }


def test_strings_of_any_bytes_come_back(model: Any) -> None:
    raw = np.array([b"a", b"\xff\x00", b""], object)
    found = model.run("echo", {"raw": raw}, ["raw_bytes"], None)
    assert found["raw_bytes"].tolist() == raw.tolist()


def test_a_shape_that_does_not_fit_has_upstream_s_words(model: Any) -> None:
    with pytest.raises(StatusError, match="Failed to allocate tensors") as caught:
        model.run("fixed", {"ids": np.ones((3, 4), np.int32)}, ["longer"], None)
    assert caught.value.code is Code.INTERNAL
    # And leaves the interpreter as good as new.
    for _ in range(3):
        one = model.run("fixed", {"ids": np.ones((1, 4), np.int32)}, ["longer"], None)
        assert one["longer"].shape == (1, 6)


def test_an_interpreter_that_failed_is_used_no_more(model: Any) -> None:
    """The runtime leaves it half changed: its next run may end the process."""
    with model.borrowed(None) as before:
        pass
    with pytest.raises(StatusError):
        model.run("fixed", {"ids": np.zeros([2, 4], np.int32)}, ["longer"], None)
    with model.borrowed(None) as after:
        assert after is not before
    ids = np.ones([1, 4], np.int32)
    assert model.run("fixed", {"ids": ids}, ["longer"], None)["longer"].size == 6


def test_a_wrong_type_is_not_read_as_another(model: Any) -> None:
    with pytest.raises(StatusError, match="to be float but int32 is provided"):
        model.run("serving_default", {"x": np.int32([1])}, ["y"], None)


def test_only_signatures_with_a_batch_dimension_are_batched(model: Any) -> None:
    assert model.batchable_signatures == set(SIGNATURES) - {"fixed"}


def test_two_interpreters_serve_many_threads(model: Any) -> None:
    def ask(number: int) -> bool:
        x = np.full(number % 7 + 1, number, np.float32)
        return bool(
            (model.run("serving_default", {"x": x}, ["y"], 9)["y"] == x / 2).all()
        )

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(200)))


def test_waiting_for_an_interpreter_ends_at_the_deadline(
    version_dir: pathlib.Path,
) -> None:
    lone = TfliteServable(version_dir / "model.tflite")
    with lone.borrowed(None), pytest.raises(StatusError) as caught:
        lone.run("serving_default", {"x": np.float32([1])}, ["y"], 0.01)
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_tensors_without_signatures_are_the_default_one(tmp_path: pathlib.Path) -> None:
    from tests.support.serving.tflite_models import save_tflite_without_signatures

    save_tflite_without_signatures(tmp_path / "model.tflite")
    raw = TfliteServable(tmp_path / "model.tflite")
    signature = raw.signatures["serving_default"]
    assert list(signature.inputs) == ["x"]
    (output,) = signature.outputs
    found = raw.run("serving_default", {"x": np.float32([4, 5])}, [output], None)
    assert found[output].tolist() == [2.0, 2.5]


def test_a_file_that_is_no_model_fails_the_load(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(b"\0\0\0\0TFL3 and then nothing that makes sense")
    with pytest.raises(StatusError, match="Cannot build FlatBufferModel from buffer."):
        TfliteServable(file)


def test_an_operation_that_the_runtime_lacks_fails_the_load(
    tmp_path: pathlib.Path,
) -> None:
    """Else the model were there, the ports open, and every request failed."""
    from tests.support.serving.tflite_models import save_tflite_with_unknown_operation

    file = tmp_path / "model.tflite"
    save_tflite_with_unknown_operation(file)
    with pytest.raises(StatusError, match="NobodyKnowsIt") as caught:
        TfliteServable(file)
    assert caught.value.message.startswith("Failed to allocate tensors")


@pytest.mark.parametrize("has_flag, has_file", [(False, True), (True, False)])
def test_without_flag_or_file_the_saved_model_is_served(
    number_model: pathlib.Path, tmp_path: pathlib.Path, has_flag: bool, has_file: bool
) -> None:
    path = tmp_path / "1"
    shutil.copytree(number_model, path)
    if has_file:
        (path / "model.tflite").write_bytes(b"not read")
    flags = ServerFlags(prefer_tflite_model=has_flag, enable_model_warmup=False)
    loader = SavedModelLoader(flags)
    entry = ModelEntry(name="m", base_path=str(tmp_path))
    loaded: Any = loader(entry, ServedVersion("m", 1, str(path)))
    assert not isinstance(loaded, TfliteServable)
    assert loaded.warmup_report == WarmupReport()
    loaded.close()
