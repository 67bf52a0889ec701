"""A run's temporary folder: everybody writes there, and nothing stays."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from pipeline.errors import SettingError
from pipeline.run.temporary_folder import temporary_folder


def test_this_process_and_its_children_write_there(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"]
    with temporary_folder(tmp_path / "t"):
        ours = tempfile.mkdtemp()
        theirs = subprocess.check_output(command, text=True).strip()
    assert Path(ours).parent == Path(theirs) == tmp_path / "t"
    assert list(tmp_path.iterdir()) == []


def test_it_works_where_tmpdir_names_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/is/not/there")
    monkeypatch.setattr(tempfile, "tempdir", None)
    with temporary_folder(tmp_path / "t"):
        assert Path(tempfile.mkdtemp()).parent == tmp_path / "t"
    assert os.environ["TMPDIR"] == "/is/not/there"
    assert tempfile.tempdir is None


def test_what_a_killed_run_left_goes_first(tmp_path: Path) -> None:
    (tmp_path / "t" / "old").mkdir(parents=True)
    with temporary_folder(tmp_path / "t"):
        assert list((tmp_path / "t").glob("old")) == []


def test_a_link_in_its_place_goes_and_what_it_names_stays(tmp_path: Path) -> None:
    (tmp_path / "precious" / "file").mkdir(parents=True)
    (tmp_path / "t").symlink_to(tmp_path / "precious")
    with temporary_folder(tmp_path / "t"):
        Path(tempfile.mkdtemp(), "file").touch()
    assert [path.name for path in (tmp_path / "precious").iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(SettingError, match=r"file/t cannot be made.*\n.*--output"),
        temporary_folder(tmp_path / "file" / "t"),
    ):
        pass


def test_keras_makes_no_folder_in_a_home_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    with temporary_folder(tmp_path / "t"):
        assert os.environ["KERAS_HOME"].startswith(str(tmp_path / "t"))
    assert "KERAS_HOME" not in os.environ


def test_settings_of_keras_in_the_home_folder_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    (tmp_path / ".keras").mkdir()
    with temporary_folder(tmp_path / "t"):
        assert "KERAS_HOME" not in os.environ
