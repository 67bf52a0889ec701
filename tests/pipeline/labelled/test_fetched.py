"""Data in an object store becomes files; a path stays where it is."""

from pathlib import Path

import pytest

from pipeline.errors import DataError
from pipeline.labelled.fetched import fetched


def test_a_path_is_not_copied(tmp_path: Path) -> None:
    assert fetched("rows.csv", tmp_path / "copy") == Path("rows.csv")
    assert not (tmp_path / "copy").exists()


def test_a_file_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "some rows.csv").write_text("text,label\n")
    copy = fetched((tmp_path / "some rows.csv").as_uri(), tmp_path / "copy")
    assert copy == tmp_path / "copy" / "some rows.csv"
    assert copy.read_text() == "text,label\n"


def test_a_folder_comes_whole(tmp_path: Path) -> None:
    (tmp_path / "rows" / "more").mkdir(parents=True)
    (tmp_path / "rows" / "train.csv").write_text("a")
    (tmp_path / "rows" / "more" / "test.csv").write_text("b")
    copy = fetched(f"{(tmp_path / 'rows').as_uri()}/", tmp_path / "copy")
    assert (copy / "train.csv").read_text() == "a"
    assert (copy / "more" / "test.csv").read_text() == "b"


@pytest.mark.parametrize(
    ("place", "complaint"),
    [
        ("", "data is not named; allowed: a path or a URI"),
        ("file:///nowhere/rows.csv", "file:///nowhere/rows.csv does not exist"),
        ("ftp://host/rows.csv", "ftp://host/rows.csv cannot be read: "),
        ("s3://", "s3:// cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_named(
    place: str, complaint: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as error:
        fetched(place, tmp_path)
    assert complaint in str(error.value)
    assert "s3://bucket/reviews.csv" in str(error.value)
