"""What a database writes where nothing is does not become a class without a word."""

from pathlib import Path

import pytest

from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.data.notes import Note

ROWS = [f"{label} text {n},{label}" for n in range(30) for label in ("a", "b")]


def _notes(folder: Path, *lines: str) -> list[Note]:
    path = folder / "d.csv"
    path.write_text("\n".join(["text,label", *ROWS, *lines]))
    notes = ingest.load(path, DataConfig(min_rows_per_label=1)).notes
    return [note for note in notes if "missing value" in note.what]


@pytest.mark.parametrize("value", ["\\N", "NULL", "nan", "None", "N/A", "#N/A", "<NA>"])
def test_a_label_that_may_stand_for_nothing_is_noted_with_its_rows(
    tmp_path: Path, value: str
) -> None:
    (note,) = _notes(tmp_path, f"one,{value}", f"two,{value}", f"three,{value}")
    assert note.what == "labels that may stand for a missing value"
    assert note.examples == (
        f"{value!r} (3 rows, first d.csv:62)".replace("\\\\", "\\"),
    )
    assert "leave the field empty" in note.advice


def test_texts_that_may_stand_for_nothing_are_noted_with_their_rows(
    tmp_path: Path,
) -> None:
    (note,) = _notes(tmp_path, "NULL,a", "null,b", "\\N,a", "none,a", "nullify it,a")
    assert note.count == 3
    assert note.examples == (
        r"'\N' (1 row, first d.csv:64)",
        "'NULL' (2 rows, first d.csv:62)",
    )


def test_data_without_them_gets_no_such_note(tmp_path: Path) -> None:
    assert _notes(tmp_path, "nano,a", "no,b") == []
