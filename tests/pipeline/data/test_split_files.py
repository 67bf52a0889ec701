"""A folder's files are each read once, or it is said why not."""

import os
from pathlib import Path

import pytest

from model import contract
from pipeline.data.split_files import files_by_split
from pipeline.errors import DataError


def _names(folder: Path, *names: str) -> dict[str, list[str]]:
    for name in names:
        (folder / name).write_text("text,label\n")
    found = files_by_split(folder, _unexpected)
    return {split: [file.name for file in files] for split, files in found.items()}


def _unexpected(note: str) -> None:
    raise AssertionError(note)


@pytest.mark.parametrize(
    "name",
    [
        *("train.csv.md5", "train.csv.sha256", "train.csv.txt", "train.md"),
        *(".train.csv", "._train.csv", ".train.csv.swp", "train.csv~", "#train.csv#"),
        *("train.csv.bak", "train.csv.orig", "train.csv.part", "train.csv.tmp"),
        *(".~lock.train.csv#", "train.csv.crdownload", "train.bak", "training.log"),
    ],
)
def test_what_lies_beside_the_data_is_no_data(tmp_path: Path, name: str) -> None:
    assert _names(tmp_path, "train.csv", name)[contract.TRAIN] == ["train.csv"]


@pytest.mark.parametrize(
    "names",
    [
        ("train.csv", "train.csv.gz"),
        ("train.csv", "train.jsonl"),
        ("train.csv", "training.csv"),
        ("train.csv", "Train.CSV.gz"),
        ("train.csv", "train-00000-of-00001.csv"),
        ("train.csv", "val.csv", "dev.csv"),
        ("train.csv", "test.csv", "test.parquet"),
        ("train-0-of-2.csv", "train-1-of-2.csv.gz"),
    ],
)
def test_the_same_rows_are_not_read_twice(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    with pytest.raises(DataError, match="split more than once: .* keep one"):
        _names(tmp_path, *names)


def test_shards_are_read_together_if_all_are_there(tmp_path: Path) -> None:
    found = _names(
        tmp_path, "train-00000-of-00002-a1b2.csv", "train-00001-of-00002.csv"
    )
    assert len(found[contract.TRAIN]) == 2
    _names(tmp_path, "test-a.csv", "test-b.csv")
    (tmp_path / "train-00000-of-00002-a1b2.csv").unlink()
    with pytest.raises(DataError, match="number 0 of 2 is missing"):
        _names(tmp_path)


def test_shards_of_two_sets_are_no_set(tmp_path: Path) -> None:
    names = ("train-0-of-1.csv", "train-0-of-2.csv", "train-1-of-2.csv")
    with pytest.raises(DataError, match="does not hold each shard once"):
        _names(tmp_path, *names)


def test_every_name_of_a_split_is_known(tmp_path: Path) -> None:
    assert _names(tmp_path, "Training.tsv", "dev.parquet", "test.jsonl.gz") == {
        contract.TRAIN: ["Training.tsv"],
        contract.VALIDATION: ["dev.parquet"],
        contract.TEST: ["test.jsonl.gz"],
    }


def test_data_whose_name_says_no_split_is_noted(tmp_path: Path) -> None:
    for name in ("train.csv", "extra.csv", "train_2.csv", "readme.md"):
        (tmp_path / name).write_text("text,label\n")
    notes: list[str] = []
    files_by_split(tmp_path, notes.append)
    assert notes == [
        "not read, because the name says no split: 'extra.csv', 'train_2.csv'"
    ]


def test_a_folder_without_train_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no train file; it holds nothing"):
        _names(tmp_path)
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/x\xff\x1b.csv"))).write_text("")
    with pytest.raises(DataError, match=r"it holds x\\xff\\x1b.csv. Name the files"):
        _names(tmp_path)


def test_a_folder_with_the_name_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "train.csv").mkdir()
    with pytest.raises(DataError, match="train.csv is a folder, and its name is that"):
        _names(tmp_path)
    inside = _names(tmp_path / "train.csv", "train.csv")
    assert inside[contract.TRAIN] == ["train.csv"]


def test_a_path_that_leads_nowhere_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone.csv does not exist. --data takes"):
        files_by_split(tmp_path / "gone.csv", _unexpected)
    (tmp_path / "link.csv").symlink_to("gone.csv")
    with pytest.raises(DataError, match="is a link to gone.csv, which does not exist"):
        files_by_split(tmp_path / "link.csv", _unexpected)
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match="loop cannot be read: Too many levels"):
        files_by_split(tmp_path / "loop", _unexpected)


def test_one_file_is_train_whatever_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "mine.csv").write_text("")
    for path in (tmp_path / "pipe", tmp_path / "mine.csv", Path("/dev/null")):
        assert files_by_split(path, _unexpected) == {contract.TRAIN: [path]}
