"""Real SavedModels in sessions: loading and running."""

import pathlib
import shutil
import threading
from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire import tensors
from serving.server.flags import ServerFlags
from serving.server.loading import saved_model
from serving.server.loading.loader import SavedModelLoader
from serving.server.loading.run_options import RUNS_BEFORE_INLINE
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.servable import Call
from serving.server.status import Code, StatusError

# Importing TensorFlow and building the first model takes long on a busy machine.
pytestmark = pytest.mark.timeout(300)


def _load(path: pathlib.Path, **settings: Any) -> saved_model.SavedModelServable:
    entry = ModelEntry(name="m", base_path=str(path.parent))
    return SavedModelLoader(ServerFlags(**settings))(
        entry, ServedVersion("m", 1, str(path))
    )


def _run(
    model: saved_model.SavedModelServable,
    name: str,
    timeout_s: float | None = None,
    **i: Any,
) -> dict[str, np.ndarray]:
    return model.run(name, i, sorted(model.signatures[name].outputs), timeout_s)


@pytest.mark.parametrize("timeout_s", [None, 30.0])
def test_a_signature_gives_its_outputs(
    plain: saved_model.SavedModelServable, timeout_s: float | None
) -> None:
    x = np.float32([1, 2])
    outputs = _run(plain, "serving_default", timeout_s, x=x)
    np.testing.assert_allclose(outputs["y"], [2.5, 3.0])


@pytest.mark.parametrize(
    "name", ["a[1]", "*", "b?", "{c}", "back\\slash", "100%", "two words", "é\nx", "#"]
)
def test_a_folder_may_have_a_name_that_looks_like_a_pattern(
    number_model: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    path = tmp_path / name / "1"
    shutil.copytree(number_model, path)
    model = _load(path)
    outputs = _run(model, "serving_default", x=np.float32([1]))
    model.close()
    np.testing.assert_allclose(outputs["y"], [2.5])


def test_only_wanted_outputs_are_computed(
    plain: saved_model.SavedModelServable,
) -> None:
    inputs = {"a": np.ones((1, 2), np.float32), "b": np.int64([3])}
    assert set(plain.run("two", inputs, ["b"], None)) == {"b"}


def test_a_wrong_type_has_upstream_s_words(
    plain: saved_model.SavedModelServable,
) -> None:
    with pytest.raises(StatusError) as caught:
        _run(plain, "serving_default", x=np.int32([1]))
    assert caught.value.code is Code.INVALID_ARGUMENT
    expected = "Expects arg[0] to be float but int32 is provided"
    assert caught.value.message.startswith(expected)


def test_a_shape_the_operations_can_take_is_taken(
    plain: saved_model.SavedModelServable,
) -> None:
    assert _run(plain, "serving_default", x=np.float32(4))["y"] == 4


def test_an_operation_s_error_keeps_its_code(
    plain: saved_model.SavedModelServable,
) -> None:
    with pytest.raises(StatusError) as caught:
        _run(plain, "checked", x=np.float32([-1]))
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_deadline_ends_a_slow_run(plain: saved_model.SavedModelServable) -> None:
    with pytest.raises(StatusError) as caught:
        _run(plain, "slow", 0.05, rounds=np.int32([20_000]))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


def test_a_deadline_ends_a_slow_run_after_many_quick_ones(
    plain: saved_model.SavedModelServable,
) -> None:
    for _ in range(2 * RUNS_BEFORE_INLINE):
        _run(plain, "slow", 1.0, rounds=np.int32([1]))
    with pytest.raises(StatusError) as caught:
        _run(plain, "slow", 0.05, rounds=np.int32([20_000]))
    assert caught.value.code is Code.DEADLINE_EXCEEDED


@pytest.mark.parametrize("timeout_s", [None, 30.0])
def test_answers_stay_the_same_once_runs_are_inline(
    plain: saved_model.SavedModelServable, timeout_s: float | None
) -> None:
    for number in range(2 * RUNS_BEFORE_INLINE):
        x = np.full(number % 5 + 1, number, np.float32)
        found = _run(plain, "serving_default", timeout_s, x=x)
        np.testing.assert_allclose(found["y"], x / 2 + 2)
    with pytest.raises(StatusError, match="Expects arg.0. to be float but int32"):
        _run(plain, "serving_default", timeout_s, x=np.int32([1]))


def test_several_signatures_share_one_run(
    plain: saved_model.SavedModelServable,
) -> None:
    x = np.float32([4, 9])
    calls = [
        Call("serving_default", {"x": x}, ["y"]),
        Call("checked", {"x": x}, ["y"]),
        Call("batch_size", {"x": x}, ["n"]),
    ]
    half, root, size = plain.run_many(calls, 30.0)
    assert (half["y"].tolist(), root["y"].tolist()) == ([4.0, 6.5], [2.0, 3.0])
    assert size["n"].tolist() == [2, 2]


def test_one_failing_signature_fails_the_run_of_several(
    plain: saved_model.SavedModelServable,
) -> None:
    x = np.float32([-1])
    names = ("serving_default", "checked")
    calls = [Call(name, {"x": x}, ["y"]) for name in names]
    with pytest.raises(StatusError) as caught:
        plain.run_many(calls, None)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_signatures_without_a_batch_dimension_run_unbatched(
    number_model: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = _load(number_model, enable_batching=True, enable_model_warmup=False)
    assert loaded.batchable_signatures >= {"serving_default", "two", "echo"}
    assert "fixed" not in loaded.batchable_signatures
    assert "Signature fixed runs unbatched: input x has a first dimension of" in (
        caplog.text
    )
    loaded.close()


def test_a_model_s_own_batching_wins_over_the_server_s(tmp_path: pathlib.Path) -> None:
    flags = {"enable_batching": True, "enable_per_model_batching_parameters": True}
    loader = SavedModelLoader(ServerFlags(**flags))
    assert loader.batching_for(str(tmp_path)) is None
    text = "max_batch_size { value: 7 }"
    (tmp_path / "batching_params.pbtxt").write_text(text, encoding="utf-8")
    config = loader.batching_for(str(tmp_path))
    assert config is not None
    assert config.max_batch_size == 7


def test_tables_and_assets_reach_the_text_model(tmp_path: pathlib.Path) -> None:
    from tests.support.serving.saved_models import LABELS, save_text_model

    save_text_model(tmp_path / "1")
    loaded = _load(tmp_path / "1")
    text = np.array([b"w1 w2", b"w77", b"unheard of"], dtype=object)
    answer = _run(loaded, "serving_default", text=text)
    assert {label.encode() for label in LABELS} == set(answer["labels"][0])
    assert answer["scores"][0].tolist() != answer["scores"][2].tolist()
    loaded.close()


def test_the_session_runs_threads_at_the_same_time(
    plain: saved_model.SavedModelServable,
) -> None:
    """A short request does not wait for a long one: the GIL is free in a run."""
    done = threading.Event()

    def run_slowly() -> None:
        _run(plain, "slow", rounds=np.int32([300]))
        done.set()

    thread = threading.Thread(target=run_slowly)
    thread.start()
    _run(plain, "serving_default", x=np.float32([1]))
    overtook = not done.is_set()
    thread.join()
    assert overtook


@pytest.mark.parametrize("typed_fields", [True, False])
def test_tensors_are_those_of_tensorflow(typed_fields: bool) -> None:
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    for value in (np.float32([[1, 2]]), np.array([b"a", b"\xff"], object), np.bool_(1)):
        ours = tensors.encode(value, typed_fields=typed_fields)
        theirs = tensor_pb2.TensorProto.FromString(ours.SerializeToString())
        np.testing.assert_array_equal(tf.make_ndarray(theirs), value)
        back = tf.make_tensor_proto(value).SerializeToString()
        decoded = tensors.decode(protos.TensorProto.FromString(back))
        np.testing.assert_array_equal(decoded, value)
