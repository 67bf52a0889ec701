"""Keras to TFLite: the same answers, only operations that every runtime has."""

import importlib.util
import io
import pathlib
import zipfile
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model import contract
from model.export import tflite
from serving.edge import runtime
from serving.edge.model_file import read_model_file
from tests.support import device_model, nasty_texts
from tests.support.golden import Golden

FLOAT32_TOLERANCE = 2e-5
"""Other kernels add in another order."""
INT8_TOLERANCE = 0.02
RUNTIMES = (runtime.TFLITE_RUNTIME, runtime.LITERT, "tensorflow")


@pytest.fixture(params=RUNTIMES)
def package(request: pytest.FixtureRequest) -> str:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not in this environment")
    return request.param


def interpreter_of(package: str, model: bytes) -> Any:
    if package == "tensorflow":
        return tf.lite.Interpreter(model_content=model, num_threads=1)
    return runtime.make_interpreter(package, model_content=model, num_threads=1)


def all_scores(interpreter: Any) -> np.ndarray:
    """Scores of `device_model.token_ids()`, each in the shortest signature."""
    runners = {n: interpreter.get_signature_runner(f"length_{n}") for n in (8, 16, 32)}
    rows = []
    for ids in device_model.token_ids():
        length = min(n for n in runners if n >= np.count_nonzero(ids))
        rows.append(runners[length](token_ids=ids[None, :length])["scores"][0])
    return np.array(rows)


# tf.lite.Interpreter will move to ai-edge-litert one day; until then it counts.
@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated:UserWarning")
@pytest.mark.parametrize(
    ("quantize", "tolerance", "min_agreement"),
    [(False, FLOAT32_TOLERANCE, 1.0), (True, INT8_TOLERANCE, 0.995)],
)
def test_every_runtime_agrees_with_keras(
    package: str, quantize: bool, tolerance: float, min_agreement: float
):
    model = device_model.packed(quantize=quantize)
    actual = all_scores(interpreter_of(package, model))
    expected = device_model.expected_scores()
    np.testing.assert_allclose(actual, expected, atol=tolerance)
    same = actual.argmax(-1) == expected.argmax(-1)
    assert same.mean() >= min_agreement


def test_the_sample_has_every_answer_and_clear_ones():
    expected = device_model.expected_scores()
    assert set(expected.argmax(-1)) == set(range(len(device_model.LABELS)))
    assert np.median(expected.max(-1)) > 0.8


def test_quantised_weights_take_less_than_half_the_space():
    small, large = (len(device_model.converted(quantize=q)) for q in (True, False))
    assert small < large / 2


def test_signatures_share_their_weights():
    one = tflite.convert(device_model.classifier(), lengths=(32,), quantize=False)
    per_signature = (len(device_model.converted(quantize=False)) - len(one)) / 2
    assert per_signature < 100_000 < len(one)


def test_the_interface_of_the_file_is_as_recorded(golden: Golden):
    interface = {}
    for quantize in (False, True):
        model = device_model.converted(quantize=quantize)
        name = contract.INT8_TFLITE if quantize else contract.FLOAT32_TFLITE
        interface[name] = {
            "operations": tflite.operations(model),
            "signatures": signatures(model),
        }
    golden.check("tflite_interface.json", interface)


def signatures(model: bytes) -> dict[str, Any]:
    interpreter = interpreter_of(runtime.find_runtime(), model)
    runners = {
        key: interpreter.get_signature_runner(key)
        for key in interpreter.get_signature_list()
    }
    return {
        key: {
            "inputs": described(runner.get_input_details()),
            "outputs": described(runner.get_output_details()),
        }
        for key, runner in runners.items()
    }


def described(details: dict[str, Any]) -> dict[str, str]:
    return {
        name: f"{np.dtype(tensor['dtype']).name} {tensor['shape'].tolist()}"
        for name, tensor in details.items()
    }


def test_an_operation_nobody_has_tried_is_refused():
    token_ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    states = keras.layers.Embedding(20, 4)(token_ids)
    states = keras.layers.Dense(2, activation="tanh")(states[:, 0])
    model = keras.Model(token_ids, states)
    with pytest.raises(ValueError, match=r"'TANH': 1.*add them to SUPPORTED_OPS"):
        tflite.convert(model, lengths=(8,), quantize=False)


def test_a_packed_file_is_the_model_and_a_zip_archive(tmp_path: pathlib.Path):
    path = tmp_path / contract.FLOAT32_TFLITE
    path.write_bytes(device_model.packed())
    assert path.read_bytes().startswith(device_model.converted(quantize=False))
    assert zipfile.ZipFile(path).testzip() is None
    file = read_model_file(path)
    assert file.vocabulary == tuple(nasty_texts.vocabulary())
    assert file.labels == device_model.LABELS
    assert file.tokenizer == device_model.TOKENIZER


def test_the_time_of_packing_leaves_no_trace():
    archive = zipfile.ZipFile(io.BytesIO(device_model.packed()))
    assert {part.date_time[:3] for part in archive.infolist()} == {(1980, 1, 1)}
    device_model.packed.cache_clear()
    assert device_model.packed() == archive.fp.getvalue()


@pytest.mark.parametrize(
    ("longest", "lengths"),
    [
        (8, (8,)),
        (31, (31,)),
        (32, (16, 32)),
        (64, (16, 32, 64)),
        (100, (25, 50, 100)),
        (128, (16, 32, 64, 128)),
    ],
)
def test_lengths_halve_down_to_sixteen(longest: int, lengths: tuple[int, ...]):
    assert tflite.length_buckets(longest) == lengths
