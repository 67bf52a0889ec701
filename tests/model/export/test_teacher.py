"""Which SavedModels can teach, and what is said of the others."""

from pathlib import Path

import pytest
import tensorflow as tf

from model.export.teacher import load_teacher
from tests.support.pipeline.word_teacher import LABELS, save_word_teacher


@pytest.fixture(scope="module")
def export_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_word_teacher(tmp_path_factory.mktemp("teacher") / "3")


def test_columns_are_in_the_order_that_is_asked_for(export_dir: str) -> None:
    for order in (LABELS, LABELS[::-1]):
        best = load_teacher(export_dir, order)([b"tea", b"ale"]).numpy().argmax(axis=1)
        assert [order[column] for column in best] == ["tea", "ale"]


def test_other_labels_are_named_on_both_sides(export_dir: str) -> None:
    labels = [label for label in LABELS if label != "tea"]
    with pytest.raises(ValueError, match="and 2 more only in the data") as e:
        load_teacher(export_dir, [*labels, *(f"l{n}" for n in range(6)), "rum"][::-1])
    assert "'tea' only in the teacher" in str(e.value)


class Nameless(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, text: tf.Tensor) -> tf.Tensor:
        return tf.strings.length(text)


@pytest.mark.parametrize("kind", ["foreign", "nothing", "damaged"])
def test_what_is_no_model_of_ours_is_refused_by_name(kind: str, tmp_path: Path) -> None:
    if kind == "foreign":
        tf.saved_model.save(Nameless(), str(tmp_path))
    if kind == "damaged":
        (tmp_path / "saved_model.pb").write_bytes(b"\x07no model")
    with pytest.raises(ValueError, match="not a SavedModel that `ktp run` wrote") as e:
        load_teacher(str(tmp_path), LABELS)
    assert str(tmp_path) in str(e.value)
