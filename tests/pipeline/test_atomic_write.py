"""A file is old or new, never half."""

from pathlib import Path

import pytest

from pipeline.atomic_write import write_whole


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_whole(path, "old")
    write_whole(path, "neu: ä")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]
    assert path.read_bytes() == "neu: ä".encode()


def test_colleagues_may_read_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "page.html", "new")
    assert (tmp_path / "page.html").stat().st_mode & 0o777 == 0o644


def test_half_a_character_does_not_stop_the_page(tmp_path: Path) -> None:
    write_whole(tmp_path / "page.html", "cut \ud83d here")
    assert (tmp_path / "page.html").read_text() == "cut ? here"


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "gone" / "page.html", "new")
