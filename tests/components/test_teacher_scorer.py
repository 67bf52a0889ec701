"""What a teacher says of every row, as training reads it."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.utils import io_utils

from components import teacher_scorer
from components.teacher_scorer import make_up, score_splits
from model import contract
from model.export.teacher import load_teacher
from tests.support.pipeline.word_teacher import LABELS, save_word_teacher

# A text's own word decides; rows are longer and shorter, so that sorting would show.
ROWS = [(f"{LABELS[n % 3]} {'x ' * (n % 7)}{n}", LABELS[n % 3]) for n in range(600)]
SPLITS = {
    contract.TRAIN: [(text.encode(), label.encode()) for text, label in ROWS],
    contract.VALIDATION: [(b"tea", b"tea")],
    # The teacher is wrong in the last one.
    contract.TEST: [(b"tea", b"tea"), (b"ale", b"ale"), (b"tea", b"ale")],
    contract.UNLABELLED: [(b"ale ale", b""), (b"", b"")],
}


@pytest.fixture(scope="module")
def teacher_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_word_teacher(tmp_path_factory.mktemp("teacher") / "1")


def read(folder: Path, split: str) -> list[tuple[bytes, bytes, np.ndarray]]:
    """Text, label and log-scores of each row that was written."""
    files = [str(path) for path in folder.glob(f"Split-{split}/*")]
    rows = []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        feature = tf.train.Example.FromString(record).features.feature
        names = (contract.TEXT, contract.LABEL, contract.TEACHER_SCORES)
        text, label, scores = (feature[name].bytes_list.value[0] for name in names)
        rows.append((text, label, np.frombuffer(scores, np.float16)))
    return rows


def test_every_row_has_the_scores_of_its_own_text(
    teacher_uri: str, tmp_path: Path
) -> None:
    score_splits(teacher_uri, SPLITS, str(tmp_path))
    for split, rows in SPLITS.items():
        written = read(tmp_path, split)
        assert [(text, label) for text, label, _ in written] == rows
        asked = load_teacher(teacher_uri, LABELS)([text for text, _ in rows])
        found = np.exp(np.array([scores for *_, scores in written], np.float32))
        np.testing.assert_allclose(found, asked, atol=2e-3)


def test_the_report_says_how_good_the_teacher_is(
    teacher_uri: str, tmp_path: Path
) -> None:
    report = score_splits(teacher_uri, SPLITS, str(tmp_path))
    assert report.accuracy == pytest.approx(2 / 3)
    assert report.rows == {"train": 600, "validation": 1, "test": 3, "unlabelled": 2}


def test_columns_follow_the_labels_of_the_data_not_those_of_the_teacher(
    teacher_uri: str,
) -> None:
    for order in (LABELS, LABELS[::-1]):
        best = load_teacher(teacher_uri, order)([b"tea"]).numpy().argmax()
        assert order[best] == "tea"


def test_a_score_of_zero_stays_a_number(tmp_path: Path) -> None:
    (record,) = teacher_scorer._records([(b"t", b"l")], np.array([[0.0, 1.0]]))
    feature = tf.train.Example.FromString(record).features.feature
    stored = feature[contract.TEACHER_SCORES].bytes_list.value[0]
    assert np.isfinite(np.frombuffer(stored, np.float16)).all()


def test_made_up_texts_have_no_label_and_stand_in_no_split() -> None:
    rows = make_up(SPLITS, 2, seed=1)
    assert len(rows) > 600
    assert {label for _, label in rows} == {contract.NO_LABEL.encode()}
    assert not {text for text, _ in rows} & {t for r in SPLITS.values() for t, _ in r}


def test_nothing_to_make_up_is_an_error_with_a_cure() -> None:
    splits = {contract.TRAIN: [(b"a", b"x")], contract.TEST: [(b"a a", b"x")]}
    with pytest.raises(ValueError, match=r"distillation\.made_up_texts=0"):
        make_up(splits, 3, seed=1)


def test_the_schema_gains_the_scores_and_keeps_the_rest(tmp_path: Path) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=contract.TEXT)])
    io_utils.write_pbtxt_file(str(before / "schema.pbtxt"), schema)
    teacher_scorer._write_schema(str(before), str(after))
    found = io_utils.parse_pbtxt_file(str(after / "schema.pbtxt"), schema_pb2.Schema())
    assert [f.name for f in found.feature] == [contract.TEXT, contract.TEACHER_SCORES]
