"""A server's own folder goes with it, and those of the dead with the next one."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import pytest

from serving.launch.log_folder import LogFolder
from tests.support.repository import ROOT

HOLDER = """
import sys
from serving.launch.log_folder import LogFolder
folder = LogFolder()
print(folder.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary_dir(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> pathlib.Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_a_named_folder_is_made_and_stays(tmp_path: pathlib.Path) -> None:
    folder = LogFolder(tmp_path / "logs" / "today")
    folder.close()
    assert list(folder.path.iterdir()) == []


def test_a_folder_of_ours_goes_with_what_is_in_it(temporary_dir: pathlib.Path) -> None:
    folder = LogFolder()
    (folder.path / "server.log").touch()
    folder.close()
    assert list(temporary_dir.iterdir()) == []


def test_a_log_to_be_read_stays_until_the_next_server(
    temporary_dir: pathlib.Path,
) -> None:
    failed = LogFolder()
    failed.keeps_log = True
    failed.close()
    assert list(temporary_dir.iterdir()) == [failed.path]
    following = LogFolder()
    assert list(temporary_dir.iterdir()) == [following.path]
    following.close()


@contextlib.contextmanager
def holder() -> Iterator[pathlib.Path]:
    """The folder of a process that is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        yield pathlib.Path(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


def test_the_folder_of_a_killed_process_goes_and_that_of_a_live_one_stays() -> None:
    with holder() as of_the_killed:
        assert of_the_killed.exists()
    with holder() as of_the_live:
        LogFolder().close()
        assert not of_the_killed.exists()
        assert of_the_live.exists()


def test_what_only_has_such_a_name_is_left_alone(temporary_dir: pathlib.Path) -> None:
    theirs = temporary_dir / "model-server-notes"
    theirs.mkdir()
    (temporary_dir / "model-server-file").touch()
    (temporary_dir / "model-server-link").symlink_to(theirs)
    LogFolder().close()
    assert len(list(temporary_dir.iterdir())) == 3
