"""Texts that stand in the data more than once, each kind with its rows."""

import csv
from pathlib import Path

import pytest

from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.data.notes import Note
from pipeline.data.repeats import text_key

BASE = [(f"{label} text {n}", label) for n in range(60) for label in ("a", "b")]


def notes(folder: Path, **files: list[tuple[str, str]]) -> dict[str, Note]:
    """What is noted of BASE with more rows behind it, in `train` and other files."""
    files["train"] = BASE + files.get("train", [])
    for name, rows in files.items():
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("text", "label"), *rows])
    found = ingest.load(folder, DataConfig()).notes
    return {note.what: note for note in found}


def test_one_text_under_two_labels_is_noted_with_both_rows(tmp_path: Path) -> None:
    found = notes(tmp_path, train=[("A  TEXT 0", "b"), ("a text 1", "b")])
    note = found["texts under more than one label"]
    assert note.count == 2
    assert note.examples[0] == "'a text 0' is 'a' (train.csv:2), 'b' (train.csv:122)"
    assert "Decide for one label" in note.advice


def test_rows_that_occur_twice_are_noted_with_all_their_places(tmp_path: Path) -> None:
    found = notes(tmp_path, train=[("a text 0", "a"), ("a text 0", "a")])
    note = found["rows that stand there already, case and spacing aside"]
    assert note.count == 2
    assert note.examples == (
        "'a text 0', 3 times (train.csv:2, train.csv:122, train.csv:123)",
    )


@pytest.mark.parametrize("split", ["validation", "test"])
def test_rows_of_train_in_a_file_of_another_split_are_noted(
    tmp_path: Path, split: str
) -> None:
    own = [("new a", "a"), ("new b", "b"), ("B Text 0", "b")]
    found = notes(tmp_path, **{split: own})
    note = found[f"{split} rows whose text is also in train"]
    assert note.count == 1
    assert note.examples == (f"'b text 0' (train.csv:3, {split}.csv:4)",)
    assert "too good" in note.advice


def test_rows_of_the_test_in_validation_are_noted(tmp_path: Path) -> None:
    own = [("new a", "a"), ("new b", "b")]
    found = notes(tmp_path, validation=own, test=own)
    assert found["test rows whose text is also in validation"].count == 2
    assert len(found) == 1


def test_rows_that_differ_are_not_noted(tmp_path: Path) -> None:
    assert notes(tmp_path) == {}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hello there", "hello  there"),
        ("hello\u00a0there", "hello there"),
        ("caf\u00e9", "CAFE\u0301"),
        ("a\u200bb", "ab"),
        ("\uff21", "a"),
        ("a\tb", "a b"),
    ],
)
def test_texts_are_the_same_for_a_reader(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ab", "a b"), ("cafe", "caf\u00e9"), ("a.", "a"), ("1", "2")]
)
def test_other_texts_are_not(one: str, other: str) -> None:
    assert text_key(one) != text_key(other)
