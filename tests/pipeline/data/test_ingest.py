"""Which rows a run learns from, and what becomes of the others."""

import csv
import dataclasses
from pathlib import Path

import pytest

from model import contract
from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.errors import DataError

_WORDS = "amber birch cedar dune ember fjord grove heath inlet juniper".split()


def _rows(count: int = 40) -> list[tuple[str, str]]:
    return [
        (f"{_WORDS[n % 10]} {_WORDS[n // 10 % 10]} {n}", ("a", "b")[n % 2])
        for n in range(count)
    ]


def _csv(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    path.write_text("\n".join([header, *(f"{t},{label}" for t, label in rows)]) + "\n")
    return path


def _load(path: Path, **settings: object) -> ingest.Dataset:
    return ingest.load(path, DataConfig(**settings))  # type: ignore[arg-type]


def test_one_file_is_split_three_ways_without_losing_a_row(tmp_path: Path) -> None:
    dataset = _load(_csv(tmp_path / "d.csv", _rows(300)))
    sizes = {name: len(rows) for name, rows in dataset.splits.items()}
    assert sum(sizes.values()) == 300
    assert 15 <= sizes[contract.VALIDATION] <= 50
    assert 15 <= sizes[contract.TEST] <= 50


def test_a_row_keeps_its_split_when_others_are_added(tmp_path: Path) -> None:
    few = _load(_csv(tmp_path / "few.csv", _rows(2000)))
    many = _load(_csv(tmp_path / "many.csv", _rows(4000)))
    for split in contract.SPLITS:
        moved = set(few.splits[split]) - set(many.splits[split])
        assert len(moved) <= 0.01 * len(few.splits[split])


def test_equal_texts_never_straddle_splits(tmp_path: Path) -> None:
    rows = _rows(100)
    dataset = _load(_csv(tmp_path / "d.csv", rows + rows))
    texts = [{text for text, _ in dataset.splits[s]} for s in contract.SPLITS]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 100


def test_a_folder_keeps_its_own_test_file_and_gives_validation(tmp_path: Path) -> None:
    _csv(tmp_path / "train.csv", _rows(200))
    _csv(tmp_path / "test.csv", [("ember one", "a"), ("fjord two", "b")])
    dataset = _load(tmp_path)
    assert dataset.splits[contract.TEST] == [("ember one", "a"), ("fjord two", "b")]
    assert dataset.splits[contract.VALIDATION]


def test_shards_of_a_split_are_read_together(tmp_path: Path) -> None:
    _csv(tmp_path / "train-00000-of-00002.csv", _rows(200)[:100])
    _csv(tmp_path / "train-00001-of-00002.csv", _rows(200)[100:])
    assert sum(map(len, _load(tmp_path).splits.values())) == 200


def test_hash_depends_on_rows_and_not_on_the_format(tmp_path: Path) -> None:
    rows = _rows()
    as_csv = _load(_csv(tmp_path / "d.csv", rows))
    lines = [f'{{"text": "{text}", "label": "{label}"}}' for text, label in rows]
    (tmp_path / "d.jsonl").write_text("\n".join(lines))
    as_jsonl = _load(tmp_path / "d.jsonl")
    other = _load(_csv(tmp_path / "e.csv", _rows(41)))
    assert as_csv.sha256 == as_jsonl.sha256 != other.sha256


def test_labels_lose_stray_whitespace_and_it_is_noted(tmp_path: Path) -> None:
    rows = [(text, f"  {label} ") for text, label in _rows(200)]
    dataset = _load(_csv(tmp_path / "d.csv", rows))
    assert dataset.labels == ["a", "b"]
    (note,) = dataset.notes
    assert note.what == "labels with spaces around them, which were removed"
    assert note.count == 200
    assert note.examples[0] == r"'\u0020\u0020a\u0020' (100 rows, first d.csv:2)"


@pytest.mark.parametrize(
    ("bad_line", "reason"),
    [
        (",a", "empty_text"),
        ("   ,a", "empty_text"),
        ("some text,", "empty_label"),
        ("nul \0 byte,a", "nul_byte"),
        ("x" * 100_000 + ",a", "text_too_long"),
        ("one,two,three", "wrong_number_of_columns"),
        ("one", "wrong_number_of_columns"),
        ('text,"two\nlines"', "line_break_in_label"),
    ],
)
def test_an_unusable_row_is_dropped_and_counted(
    tmp_path: Path, bad_line: str, reason: str
) -> None:
    path = _csv(tmp_path / "d.csv", _rows(200))
    path.write_text(path.read_text() + bad_line + "\n")
    dataset = _load(path)
    assert dataset.dropped == {reason: 1}
    assert sum(map(len, dataset.splits.values())) == 200


def test_a_field_beyond_the_csv_modules_limit_is_a_row_like_others(
    tmp_path: Path,
) -> None:
    csv.field_size_limit(131_072)  # The module's own; an earlier read has raised it.
    path = _csv(tmp_path / "d.csv", [*_rows(200), ("x" * 300_000, "a")])
    assert _load(path).dropped == {"text_too_long": 1}


def test_bytes_that_are_not_utf8_drop_their_row_only(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", _rows(200))
    path.write_bytes(path.read_bytes() + b"caf\xe9,a\n")
    assert _load(path).dropped == {"invalid_utf8": 1}


def test_too_many_unusable_rows_stop_the_run_and_name_the_lines(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", [*_rows(40), *[("", "a")] * 10])
    with pytest.raises(DataError, match=r"10 of 50 .* 10 empty text \(d.csv:42"):
        _load(path)
    assert _load(path, max_dropped_fraction=0.5).dropped == {"empty_text": 10}


def test_bom_and_crlf_change_nothing(tmp_path: Path) -> None:
    plain = _csv(tmp_path / "plain.csv", _rows())
    windows = tmp_path / "windows.csv"
    windows.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    assert _load(windows).sha256 == _load(plain).sha256


def test_a_line_break_inside_quotes_belongs_to_the_text(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", _rows(200))
    path.write_text(path.read_text() + '"two\nlines",a\n')
    texts = [text for rows in _load(path).splits.values() for text, _ in rows]
    assert "two\nlines" in texts


def test_one_label_only_is_refused(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", [(text, "a") for text, _ in _rows()])
    with pytest.raises(DataError, match="one label only, 'a'"):
        _load(path)


def test_a_label_with_one_row_is_refused_unless_allowed(tmp_path: Path) -> None:
    path = _csv(tmp_path / "d.csv", [*_rows(200), ("lonely row", "c")])
    with pytest.raises(DataError, match=r"1 label \('c'\) with fewer than 2 rows"):
        _load(path)
    assert _load(path, min_rows_per_label=1).labels == ["a", "b", "c"]


def test_a_rare_label_is_learnt_before_it_is_tested(tmp_path: Path) -> None:
    rare = [(f"rare {word}", "c") for word in _WORDS[:2]]
    dataset = _load(_csv(tmp_path / "d.csv", _rows(400) + rare), min_rows_per_label=1)
    assert "c" in {label for _, label in dataset.splits[contract.TRAIN]}


def test_a_test_label_that_was_never_learnt_is_refused(tmp_path: Path) -> None:
    _csv(tmp_path / "train.csv", _rows(200))
    _csv(tmp_path / "test.csv", [("ember one", "z")])
    with pytest.raises(DataError, match=r"'z'.* in the test split"):
        _load(tmp_path)


def test_overlap_between_splits_is_noted_with_its_rows(tmp_path: Path) -> None:
    rows = _rows(200)
    _csv(tmp_path / "train.csv", rows)
    _csv(tmp_path / "validation.csv", [("new one", "a"), ("new two", "b")])
    _csv(tmp_path / "test.csv", rows[:7])
    (note,) = _load(tmp_path).notes
    assert note.what == "test rows whose text is also in train"
    assert note.count == 7
    assert note.examples[0] == "'amber amber 0' (train.csv:2, test.csv:2)"


def test_a_folder_without_a_train_file_is_refused_with_its_content(
    tmp_path: Path,
) -> None:
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(DataError, match=r"holds no train file; it holds notes\.md"):
        _load(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"validation_fraction": 0.0},
        {"test_fraction": 1.0},
        {"validation_fraction": 0.5, "test_fraction": 0.5},
    ],
)
def test_impossible_fractions_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="fraction"):
        DataConfig(**settings)  # type: ignore[arg-type]


def test_settings_cannot_change_under_a_run() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DataConfig().text_column = "other"  # type: ignore[misc]
