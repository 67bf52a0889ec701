"""A folder that TensorFlow would take for a pattern gets a link with a plain name."""

import os
from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.run.plain_name import plain_name

ODD = [
    "a[1]",
    "*",
    "what?",
    "{a,b}",
    "100%",
    "two words",
    "it's",
    'say "no"',
    "#1",
    "Größe",
    "漢字",
    "line\nbreak",
    "back\\slash",
    "a:b",
    "\udcff",
]


@pytest.mark.parametrize("name", ["out", "run-1_a.b", "lr=1e-3", "~x", "a@b+c", "-x"])
def test_a_plain_folder_is_taken_as_it_is(tmp_path: Path, name: str) -> None:
    with plain_name(tmp_path / name, tmp_path / "cache") as folder:
        assert folder == tmp_path / name
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ODD)
def test_an_odd_folder_has_a_link_for_as_long_as_the_run(
    tmp_path: Path, name: str
) -> None:
    odd = tmp_path / name
    odd.mkdir()
    with plain_name(odd, tmp_path / "cache") as folder:
        (folder / "file").touch()
        assert folder.is_relative_to(tmp_path / "cache")
        assert not set(str(folder)) & set("*?[]{}\\ %#'\"\n")
    assert (odd / "file").exists()
    assert os.listdir(tmp_path / "cache") == []


def test_the_next_run_has_the_same_link_and_another_folder_another(
    tmp_path: Path,
) -> None:
    links = []
    for name in ("a[1]", "a[1]", "a[2]"):
        (tmp_path / name).mkdir(exist_ok=True)
        with plain_name(tmp_path / name, tmp_path / "cache") as folder:
            links.append(folder)
    assert links[0] == links[1] != links[2]


def test_what_a_killed_run_left_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "a[1]").mkdir()
    with plain_name(tmp_path / "a[1]", tmp_path / "cache") as folder:
        link = folder
    link.parent.mkdir()
    link.symlink_to(tmp_path / "elsewhere")
    with plain_name(tmp_path / "a[1]", tmp_path / "cache") as folder:
        assert folder.resolve() == tmp_path / "a[1]"


def test_a_folder_in_the_place_of_the_link_goes_too(tmp_path: Path) -> None:
    (tmp_path / "a[1]").mkdir()
    with plain_name(tmp_path / "a[1]", tmp_path / "cache") as folder:
        folder.unlink()
        (folder / "made" / "anew").mkdir(parents=True)
    assert os.listdir(tmp_path / "cache") == []


def test_without_a_cache_folder_the_link_is_in_a_private_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "file").touch()
    with plain_name(tmp_path / "a[1]", tmp_path / "file" / "cache") as folder:
        assert folder.parent == tmp_path / f"ktp-{os.getuid()}"
        assert folder.parent.stat().st_mode & 0o077 == 0


def test_a_place_that_somebody_else_prepared_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "theirs").mkdir()
    (tmp_path / f"ktp-{os.getuid()}").symlink_to(tmp_path / "theirs")
    (tmp_path / "a[1]").mkdir()
    with (
        pytest.raises(SettingError, match=r"a\[1\] has a name in which TensorFlow"),
        plain_name(tmp_path / "a[1]", tmp_path / "odd cache"),
    ):
        pass
    assert list((tmp_path / "theirs").iterdir()) == []
