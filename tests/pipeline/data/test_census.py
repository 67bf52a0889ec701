"""Rows that are not what they seem, and where every row stands."""

import re
from pathlib import Path

import pytest

from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset
from pipeline.errors import DataError

ROWS = [f"{label} text {n},{label}" for n in range(60) for label in ("a", "b")]


def load(folder: Path, *lines: str, **settings: str) -> Dataset:
    """Reads ROWS with more lines behind them."""
    header = ",".join((settings.get("text_column", "text"), "label"))
    path = folder / "d.csv"
    path.write_text("\n".join([header, *ROWS, *lines]) + "\n", encoding="utf-8")
    return ingest.load(path, DataConfig(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "line",
    [
        "text,label",
        "Text,Label",
        "  text , label ",
        "\ufefftext,label",
        '\ufeff"text","label"',
        '\ufeff"TEXT","LABEL"',
    ],
)
def test_a_header_in_the_middle_is_no_row_and_is_counted(
    tmp_path: Path, line: str
) -> None:
    dataset = load(tmp_path, line, *ROWS[:2], line)
    assert dataset.dropped == {"header_row_again": 2}
    assert dataset.labels == ["a", "b"]


def test_a_header_in_the_middle_is_known_by_the_columns_that_were_named(
    tmp_path: Path,
) -> None:
    dataset = load(tmp_path, "body,label", text_column="body")
    assert dataset.dropped == {"header_row_again": 1}
    assert "text" in {
        text
        for rows in load(tmp_path, "text,a", text_column="body").splits.values()
        for text, _ in rows
    }


def test_many_headers_in_the_middle_stop_the_run_with_their_lines(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=r"header row again \(d\.csv:122, d\.csv:123"):
        load(tmp_path, *["text,label"] * 20)


def test_a_file_joined_with_its_columns_the_other_way_round_is_refused(
    tmp_path: Path,
) -> None:
    with pytest.raises(DataError, match=r"d\.csv:122 names the columns again, the oth"):
        load(tmp_path, "label,text", "a,some text")


@pytest.mark.parametrize(
    "usable, bound", [(80, "=0.5."), (50, "=0.59."), (1, "=0.99."), (0, "usable row")]
)
def test_the_loss_that_could_be_accepted_is_large_enough(
    tmp_path: Path, usable: int, bound: str
) -> None:
    path = tmp_path / "d.csv"
    rows = ["some text,a"] * usable + ["some text,"] * 70
    path.write_text("\n".join(["text,label", *rows]))
    with pytest.raises(DataError, match=bound):
        ingest.load(path, DataConfig())


@pytest.mark.parametrize(
    "name, content, advice",
    [
        ("d.jsonl", '{\n "text": "a",\n "label": "x"\n}\n', "jq -c . OLD > NEW.jsonl"),
        ("d.csv", "text,label\na;x\n", "A text with the separator in it belongs"),
        ("d.csv", "text,label\n\udce9,x\n", "iconv -f WINDOWS-1252"),
    ],
)
def test_a_file_without_a_usable_row_gets_advice(
    tmp_path: Path, name: str, content: str, advice: str
) -> None:
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(DataError, match=f"no usable row: .*{re.escape(advice)}"):
        ingest.load(tmp_path / name, DataConfig())


def test_a_row_that_ran_over_many_lines_counts_with_all_of_them(tmp_path: Path) -> None:
    long = '"' + "\n".join(["x" * 2000] * 40) + '",a'
    with pytest.raises(DataError, match=r"40 of 160 rows cannot be used"):
        load(tmp_path, long)


def test_spaces_around_a_label_are_shown(tmp_path: Path) -> None:
    (note,) = load(tmp_path, "more,a\u00a0", "more still,a\u00a0").notes
    assert note.count == 2
    assert note.examples == (r"'a\u00a0' (2 rows, first d.csv:122)",)


def test_places_name_the_file_and_the_line(tmp_path: Path) -> None:
    half = len(ROWS) // 2
    for name, rows in (("train-1", ROWS[:half]), ("train-2", ROWS[half:])):
        (tmp_path / f"{name}.csv").write_text("\n".join(["text,label", *rows]))
    with (tmp_path / "train-2.csv").open("a") as file:
        file.write("\na text 0,b")
    notes = ingest.load(tmp_path, DataConfig()).notes
    assert notes[0].examples == (
        "'a text 0' is 'a' (train-1.csv:2), 'b' (train-2.csv:62)",
    )


@pytest.mark.parametrize("content", ["text,label\n", "text,label\n,a\n,b\n"])
def test_a_test_file_without_a_usable_row_is_named_and_not_replaced(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "train.csv").write_text("\n".join(["text,label", *ROWS]))
    (tmp_path / "test.csv").write_text(content)
    with pytest.raises(DataError, match=r"test\.csv: no row can be used"):
        ingest.load(tmp_path, DataConfig())
