"""Asking a TFLite model."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from model import contract
from model.export import tflite
from serving.edge import EdgeClassifier, ModelFileError, RuntimeMissingError
from serving.edge.runtime import LITERT, TFLITE_RUNTIME, choose_runtime
from serving.edge.tokenizer import Tokenizer
from tests.support import device_model, nasty_texts


@pytest.fixture(scope="module")
def classifier(model_path: pathlib.Path) -> EdgeClassifier:
    return EdgeClassifier(model_path)


def test_scores_are_those_of_keras(classifier: EdgeClassifier):
    rows = [row[: np.count_nonzero(row)] for row in device_model.token_ids()]
    actual = classifier.score_token_ids(rows)
    np.testing.assert_allclose(actual, device_model.expected_scores(), atol=2e-5)
    assert actual.dtype == np.float32


def test_a_text_scores_as_its_token_ids(classifier: EdgeClassifier):
    tokenize = Tokenizer(nasty_texts.vocabulary(), device_model.TOKENIZER)
    texts = nasty_texts.TEXTS
    by_ids = classifier.score_token_ids([tokenize(text) for text in texts])
    np.testing.assert_array_equal(classifier.scores(texts), by_ids)


def test_a_prediction_has_all_labels_best_first(classifier: EdgeClassifier):
    texts = nasty_texts.LANGUAGES
    predictions, scores = classifier.classify(texts), classifier.scores(texts)
    for prediction, row in zip(predictions, scores, strict=True):
        assert list(prediction.scores) == sorted(row.tolist(), reverse=True)
        named = dict(zip(prediction.labels, prediction.scores, strict=True))
        assert [named[label] for label in device_model.LABELS] == row.tolist()
        assert prediction.label == prediction.labels[0]
        assert prediction.score == prediction.scores[0]


def test_a_text_of_unknown_pieces_only_is_marked(classifier: EdgeClassifier):
    texts = ["my card", "", " \u00a0\n", "żż ω", "ω card"]
    marks = [one.text_is_unknown for one in classifier.classify(texts)]
    assert marks == [False, True, True, True, False]


def test_no_texts_give_no_predictions(classifier: EdgeClassifier):
    assert classifier.classify([]) == []
    assert classifier.scores([]).shape == (0, len(device_model.LABELS))


@pytest.mark.parametrize(
    ("num_ids", "length"), [(2, 8), (8, 8), (9, 16), (17, 32), (32, 32)]
)
def test_the_shortest_signature_that_fits_is_used(
    model_path: pathlib.Path, num_ids: int, length: int
):
    classifier, used = EdgeClassifier(model_path), []
    runners = classifier._interpreter._loaded.runners
    for key, runner in list(runners.items()):
        runners[key] = lambda key=key, runner=runner, **inputs: (
            used.append(key) or runner(**inputs)
        )
    classifier.score_token_ids([[5] * num_ids])
    assert used == [length]


def test_more_ids_than_the_model_takes_are_refused(classifier: EdgeClassifier):
    with pytest.raises(ValueError, match="33 token ids are too many.* takes 32"):
        classifier.score_token_ids([[5] * 33])


def test_text_is_cut_to_the_longest_signature(tmp_path: pathlib.Path):
    path = tmp_path / "model.tflite"
    longer = contract.TokenizerConfig(max_sequence_length=999)
    path.write_bytes(packed_with(tokenizer_config=longer))
    assert EdgeClassifier(path).scores(["card " * 999]).shape == (1, 3)


def packed_with(
    labels: tuple[str, ...] = device_model.LABELS,
    tokenizer_config: contract.TokenizerConfig = device_model.TOKENIZER,
) -> bytes:
    return tflite.pack(
        device_model.converted(quantize=False),
        vocabulary=nasty_texts.vocabulary(),
        labels=labels,
        tokenizer_config=tokenizer_config,
    )


def test_plain_files_beside_the_model_do_as_well(
    tmp_path: pathlib.Path, classifier: EdgeClassifier
):
    path = tmp_path / "model.tflite"
    path.write_bytes(device_model.converted(quantize=False))
    parts = {
        contract.VOCABULARY_FILE: "\n".join(nasty_texts.vocabulary()),
        contract.LABELS_FILE: "\n".join(device_model.LABELS) + "\n",
        contract.TOKENIZER_FILE: device_model.TOKENIZER.to_json(),
    }
    for name, text in parts.items():
        (tmp_path / name).write_text(text, "utf-8")
    texts = nasty_texts.LANGUAGES
    assert EdgeClassifier(path).classify(texts) == classifier.classify(texts)


def test_a_missing_file_is_named(tmp_path: pathlib.Path):
    with pytest.raises(ModelFileError, match="Cannot read .*absent.tflite: No such"):
        EdgeClassifier(tmp_path / "absent.tflite")


@pytest.mark.parametrize("data", [b"", b"TFL3", b"PK\3\4 something else"])
def test_another_kind_of_file_is_refused(tmp_path: pathlib.Path, data: bytes):
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="is not a TFLite model"):
        EdgeClassifier(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(device_model.packed()[:-100])
    with pytest.raises(ModelFileError, match=r"no vocab.txt.*the file is cut off"):
        EdgeClassifier(path)


def test_a_damaged_part_is_refused(tmp_path: pathlib.Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(device_model.packed().replace(b"[MASK]\n!", b"[MASK]\n?", 1))
    with pytest.raises(ModelFileError, match=r"is damaged: Bad CRC-32.*vocab.txt"):
        EdgeClassifier(path)


def test_unknown_tokeniser_settings_are_refused(tmp_path: pathlib.Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(device_model.converted(quantize=False))
    (tmp_path / contract.VOCABULARY_FILE).write_text("a")
    (tmp_path / contract.LABELS_FILE).write_text("a")
    (tmp_path / contract.TOKENIZER_FILE).write_text('{"language": "en"}')
    with pytest.raises(ModelFileError, match=r"'language'.* Export the model again"):
        EdgeClassifier(path)


def test_labels_of_another_model_are_refused(tmp_path: pathlib.Path):
    path = tmp_path / "model.tflite"
    path.write_bytes(packed_with(labels=("a", "b")))
    with pytest.raises(ModelFileError, match="2 labels for 3 scores"):
        EdgeClassifier(path)


@pytest.mark.parametrize(
    ("installed", "numpy_version", "chosen"),
    [
        ({TFLITE_RUNTIME, LITERT}, "1.26.4", LITERT),
        ({TFLITE_RUNTIME}, "1.26.4", TFLITE_RUNTIME),
        ({TFLITE_RUNTIME, LITERT}, "2.1.0", LITERT),
        ({LITERT}, "2.1.0", LITERT),
    ],
)
def test_the_runtime_fits_numpy(installed: set[str], numpy_version: str, chosen: str):
    assert choose_runtime(installed, numpy_version=numpy_version) == chosen


@pytest.mark.parametrize(
    ("installed", "message"),
    [(set(), r"\[edge\]"), ({TFLITE_RUNTIME}, "'numpy<2', or ai-edge-litert")],
)
def test_without_a_runtime_the_error_says_what_to_install(
    installed: set[str], message: str
):
    with pytest.raises(RuntimeMissingError, match=message):
        choose_runtime(installed, numpy_version="2.1.0")


PROBE = """
import sys, time
from serving.edge import EdgeClassifier
assert not {"click", "rich"} & sys.modules.keys()
prediction, = EdgeClassifier(sys.argv[1]).classify(["Where is my card?"])
assert prediction.label in prediction.labels
assert not {"tensorflow", "keras", "grpc"} & sys.modules.keys()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(time.process_time(), int(peak.split()[1]) / 1024)
"""


def test_the_first_result_needs_no_tensorflow_little_time_and_memory(
    model_path: pathlib.Path,
):
    answer = subprocess.run(
        [sys.executable, "-c", PROBE, str(model_path)],
        check=True,
        capture_output=True,
        text=True,
    )
    cpu_s, peak_mib = map(float, answer.stdout.split())
    assert cpu_s < 2  # Measured: 0.3; importing TensorFlow alone takes 8.
    assert peak_mib < 150  # Measured: 46; TensorFlow takes 700.
