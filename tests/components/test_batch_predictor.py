"""What the exported SavedModel says of a split: every row with its own scores."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from components import batch_predictor
from components.artifacts import write_json
from model import contract
from tests.support.labelled_rows import write_examples

LABELS = ["long", "short"]


class LengthModel(tf.Module):
    """Says how long a text is, in bytes: 10 and more are `long`."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, contract.EXAMPLES)])
    def classify(self, inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        features = {contract.TEXT: tf.io.FixedLenFeature([], tf.string)}
        text = tf.io.parse_example(inputs, features)[contract.TEXT]
        share = tf.minimum(tf.cast(tf.strings.length(text), tf.float32) / 20, 1.0)
        return {contract.SCORES: tf.stack([share, 1 - share], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, contract.TEXT)])
    def serving_default(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        tf.print("asked", output_stream="file://" + self.log)
        return {contract.SCORES: tf.strings.length(text)}

    log = "/dev/null"


@pytest.fixture(scope="module")
def export_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("export")
    model = LengthModel()
    model.log = str(folder / "asked.log")
    signatures = {
        contract.Signature.CLASSIFY.value: model.classify,
        contract.Signature.SERVING_DEFAULT.value: model.serving_default,
    }
    tf.saved_model.save(model, str(folder / "model"), signatures=signatures)
    return str(folder / "model")


def test_every_row_has_the_scores_of_its_own_text(
    export_dir: str, tmp_path: Path
) -> None:
    rows = [("x" * (n % 20), LABELS[n % 2]) for n in range(600)]  # Three batches.
    found = batch_predictor.predict(
        export_dir=export_dir, split_uri=write_examples(tmp_path, rows), labels=LABELS
    )
    assert sorted(zip(found.texts, found.true_labels, strict=True)) == sorted(rows)
    expected = np.array([len(text) / 20 for text in found.texts], np.float32)
    np.testing.assert_allclose(found.scores[:, 0], expected, atol=1e-6)
    assert found.labels == LABELS


def test_texts_come_back_as_they_were_written(export_dir: str, tmp_path: Path) -> None:
    rows = [("日本語 🌨", "größe"), ("", "long")]
    found = batch_predictor.predict(
        export_dir=export_dir,
        split_uri=write_examples(tmp_path, rows),
        labels=["größe", "long"],
    )
    assert dict(zip(found.texts, found.true_labels, strict=True)) == dict(rows)


def test_rows_of_like_length_stand_together(export_dir: str, tmp_path: Path) -> None:
    rows = [(c * n, "long") for c, n in (("b", 7), ("z", 1), ("a", 9), ("c", 3))]
    found = batch_predictor.predict(
        export_dir=export_dir, split_uri=write_examples(tmp_path, rows), labels=LABELS
    )
    assert [len(text) for text in found.texts] == [1, 3, 7, 9]


@pytest.mark.parametrize(("count", "asked"), [(3, 3 + 3), (250, 10 + 125)])
def test_some_texts_are_timed_one_by_one(
    export_dir: str, count: int, asked: int
) -> None:
    log = Path(export_dir).with_name("asked.log")
    log.write_text("")
    latency = batch_predictor.time_single_texts(export_dir, ["a text"] * count)
    assert len(log.read_text().splitlines()) == asked
    assert latency.keys() == {"latency_p50_ms", "latency_p99_ms"}
    assert 0 < latency["latency_p50_ms"] <= latency["latency_p99_ms"]


def test_the_report_gives_the_latency_back(tmp_path: Path) -> None:
    latency = {"latency_p50_ms": 1.25, "latency_p99_ms": 3.5}
    write_json(str(tmp_path), "latency.json", latency)
    assert batch_predictor.read_latency(str(tmp_path)) == latency
