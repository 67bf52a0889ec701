"""Texts without labels: every format, nothing twice, nothing of the test."""

import json
from pathlib import Path

import pytest

from model import contract
from pipeline.data import unlabelled
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.errors import DataError

DATASET = Dataset(
    source="d.csv",
    splits={
        contract.TRAIN: [("rain today", "weather"), ("soup", "food")],
        contract.VALIDATION: [("snow", "weather")],
        contract.TEST: [("Bread and Salt", "food"), ("soup", "food")],
    },
    dropped={},
)
TEXTS = ["wind", "snow", "bread  and salt", "RAIN today", "wind", "storm ", "soup"]


def write(path: Path) -> Path:
    """Writes `TEXTS` in the format of the file's name."""
    if path.suffix == ".jsonl":
        lines = [json.dumps({"text": text, "x": 1}) for text in TEXTS]
    elif path.suffix == ".csv":
        lines = ["id,text", *(f"{n},{text}" for n, text in enumerate(TEXTS))]
    else:
        lines = [*TEXTS, "", ""]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("name", ["u.txt", "u.csv", "u.jsonl"])
def test_only_what_is_new_joins_the_data(name: str, tmp_path: Path) -> None:
    found = unlabelled.add(DATASET, write(tmp_path / name), DataConfig())
    assert found.unlabelled == ("wind", "storm")
    assert found.splits == DATASET.splits


def test_what_was_left_out_is_told_with_its_reason(tmp_path: Path) -> None:
    found = unlabelled.add(DATASET, write(tmp_path / "u.txt"), DataConfig())
    counts = {note.what.split(" that ")[1]: note.count for note in found.notes[:3]}
    # `soup` stands in train and in the test: that it would leak weighs more.
    assert counts == {
        "stand in validation or test, too, and were left out": 3,
        "stand in train, too, and were left out": 1,
        "stand in the file before, and were left out": 1,
    }
    assert found.notes[0].examples[0] == "'snow' (row 2)"
    assert found.notes[3].examples == ("2 empty text",)


def test_they_change_the_hash_of_the_data(tmp_path: Path) -> None:
    found = unlabelled.add(DATASET, write(tmp_path / "u.txt"), DataConfig())
    assert found.sha256 != DATASET.sha256


def test_a_file_without_anything_new_is_refused(tmp_path: Path) -> None:
    (tmp_path / "u.txt").write_text("snow\nsoup\n")
    with pytest.raises(DataError, match="holds no text that is new"):
        unlabelled.add(DATASET, tmp_path / "u.txt", DataConfig())


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--unlabelled: .*nothing\.txt"):
        unlabelled.add(DATASET, tmp_path / "nothing.txt", DataConfig())
    (tmp_path / "u.csv").write_text("id,words\n1,wind\n")
    with pytest.raises(DataError, match="no column 'text'"):
        unlabelled.add(DATASET, tmp_path / "u.csv", DataConfig())


def test_too_many_rows_that_cannot_be_used_stop_the_run(tmp_path: Path) -> None:
    (tmp_path / "u.txt").write_text("\n".join([*"abcdefgh", "x" * 100]))
    with pytest.raises(DataError, match=r"1 of 9 rows cannot be used .*text too long"):
        unlabelled.add(DATASET, tmp_path / "u.txt", DataConfig(max_text_bytes=50))
