"""Device files: converted, measured without TensorFlow, and left out if they differ."""

import dataclasses
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components import edge_exporter
from components.artifacts import write_json
from components.predictions import ScoredRows
from model import contract
from model.config import ModelConfig
from model.encoder import scores
from model.text.tokenization import GraphTokenizer
from tests.support import device_model
from tests.support.clear_classifier import clear_classifier
from tests.support.labelled_rows import SCORES, scored_rows
from tests.support.serving.hostile_folder import hostile_folder

WORDS = ["rain", "sun", "soup", "bread", "train", "ticket"]
LABELS = ["food", "travel", "weather"]
TEXTS = ["rain and sun", "soup", "a train ticket", "", "Bread, bread!", "sun train"]
BOUNDS = edge_exporter.Bounds(min_agreement=0.995, max_score_difference=0.25)
TOKENIZER = contract.TokenizerConfig(max_sequence_length=8)


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a trainer and VocabularyGen left, and what the SavedModel would say."""

    folder: str
    expected: ScoredRows

    def export(self, output: Path) -> list[edge_exporter.DeviceFile]:
        """What EdgeExporter measured."""
        return edge_exporter.export(
            model_run_dir=self.folder,
            vocabulary_dir=self.folder,
            expected=self.expected,
            output_dir=str(output),
            bounds=BOUNDS,
        )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    tokens = [*contract.SPECIAL_TOKENS, *WORDS, "a", "##nd"]
    for name, lines in (
        (contract.VOCABULARY_FILE, tokens),
        (contract.LABELS_FILE, LABELS),
        (contract.TOKENIZER_FILE, [TOKENIZER.to_json()]),
    ):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    model = _clear_classifier(len(tokens))
    model.save(folder / contract.KERAS_FILE)
    tokenizer = GraphTokenizer(str(folder / contract.VOCABULARY_FILE), TOKENIZER)
    token_ids = tokenizer(tf.constant(TEXTS)).to_tensor(contract.PAD_ID)
    values = np.asarray(scores(model(tf.cast(token_ids, tf.int32), training=False)))
    best = [LABELS[row.argmax()] for row in values]
    expected = ScoredRows(texts=TEXTS, true_labels=best, labels=LABELS, scores=values)
    return Trained(str(folder), expected)


def _clear_classifier(vocabulary_size: int) -> keras.Model:
    config = ModelConfig(
        vocabulary_size=vocabulary_size,
        num_classes=len(LABELS),
        hidden_dim=64,
        num_layers=1,
        num_heads=2,
        intermediate_dim=64,
        max_sequence_length=TOKENIZER.max_sequence_length,
    )
    return clear_classifier(config, seed=3, weight_factor=3)


def test_files_that_agree_are_let_through_and_every_one_is_measured(
    trained: Trained, tmp_path: Path
) -> None:
    float32, int8 = trained.export(tmp_path)
    assert (float32.name, int8.name) == (contract.FLOAT32_TFLITE, contract.INT8_TFLITE)
    assert float32.agreement == float32.accuracy == 1.0
    assert float32.max_score_difference < 1e-4 < int8.max_score_difference
    assert float32.size_bytes == (tmp_path / contract.FLOAT32_TFLITE).stat().st_size
    assert int8.size_bytes < float32.size_bytes
    assert 0 < float32.latency_p50_ms <= float32.latency_p99_ms
    assert float32.runtime


def test_files_that_say_something_else_are_left_out(
    trained: Trained, tmp_path: Path
) -> None:
    others = np.roll(trained.expected.scores, 1, axis=1)
    other = dataclasses.replace(trained.expected, scores=others)
    files = dataclasses.replace(trained, expected=other).export(tmp_path)
    assert [file.agreement for file in files] == [0.0, 0.0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_run_is_an_error_with_its_complaint(
    tmp_path: Path,
) -> None:
    broken, rows = tmp_path / "model.tflite", tmp_path / "rows.jsonl"
    broken.write_bytes(b"not a model")
    rows.write_text('"one"\n')
    measurement = edge_exporter._Measurement(broken, rows)
    with pytest.raises(RuntimeError) as caught:
        measurement.finish(scored_rows())
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("model.tflite does not run in the device runtime: Error: ")
    assert "is not a TFLite model" in first
    assert rest


def test_a_traceback_s_last_line_is_the_reason_and_all_of_it_follows(
    tmp_path: Path,
) -> None:
    model, rows = tmp_path / "model.tflite", tmp_path / "rows.npz"
    model.write_bytes(device_model.packed())
    np.savez(rows, something_else=np.zeros(1))
    with pytest.raises(RuntimeError) as caught:
        edge_exporter._Measurement(model, rows).finish(scored_rows())
    first, second, *_ = str(caught.value).splitlines()
    assert "runtime: KeyError: " in first
    assert second.startswith("Traceback")


def test_a_user_s_own_modules_are_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile_folder(tmp_path / "users"))
    model, rows = tmp_path / "model.tflite", tmp_path / "rows.jsonl"
    model.write_bytes(device_model.packed())
    rows.write_text("".join(f'"{text}"\n' for text in scored_rows().texts))
    mine = dataclasses.replace(scored_rows(), labels=list(device_model.LABELS))
    file = edge_exporter._Measurement(model, rows).finish(
        dataclasses.replace(mine, true_labels=[mine.labels[0]] * len(mine.texts))
    )
    assert file.name == "model.tflite"


def test_a_device_file_is_measured_against_the_saved_model(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x" * 10)
    values = SCORES.copy()
    values[3] = [0.3, 0.6, 0.1]  # Disagrees, and happens to be right.
    file = edge_exporter.compare(path, values, scored_rows(), measured())
    assert file.size_bytes == 10
    assert (file.agreement, file.accuracy) == (0.75, 1.0)
    assert file.max_score_difference == pytest.approx(0.3)


def measured(labels: list[str] | None = None) -> dict[str, Any]:
    return {
        "runtime": "r",
        "latency_p50_ms": 1.0,
        "latency_p99_ms": 2.0,
        "labels": labels or scored_rows().labels,
    }


def test_a_device_answers_with_names_so_another_order_is_another_model(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x")
    reversed_labels = scored_rows().labels[::-1]
    file = edge_exporter.compare(path, SCORES, scored_rows(), measured(reversed_labels))
    assert not BOUNDS.let_pass(file)
    whole = edge_exporter.compare(
        path, SCORES[:, ::-1], scored_rows(), measured(reversed_labels)
    )
    assert whole.agreement == 1.0
    assert BOUNDS.let_pass(whole)
    doubled = [*scored_rows().labels[:-1], scored_rows().labels[0]]
    with pytest.raises(RuntimeError, match="has the labels"):
        edge_exporter.compare(path, SCORES, scored_rows(), measured(doubled))


def test_the_same_labels_with_far_scores_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"x")
    sure = np.eye(3, dtype=np.float32)[SCORES.argmax(axis=1)]
    file = edge_exporter.compare(path, sure, scored_rows(), measured())
    assert file.agreement == 1.0
    assert not BOUNDS.let_pass(file)


def test_the_report_gives_every_file_back_in_order(tmp_path: Path) -> None:
    file = edge_exporter.DeviceFile(
        name="model.tflite",
        size_bytes=10,
        runtime="r",
        latency_p50_ms=1.0,
        latency_p99_ms=2.0,
        accuracy=0.5,
        agreement=1.0,
        max_score_difference=1e-6,
    )
    files = [file, dataclasses.replace(file, name="model_int8.tflite")]
    variants = [dataclasses.asdict(each) for each in files]
    write_json(str(tmp_path), "device.json", {"variants": variants})
    assert edge_exporter.read_report(str(tmp_path)) == files
