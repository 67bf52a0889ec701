"""What a base path holds, and what is said about it."""

import logging
import pathlib

import pytest

from serving.server.models.config import ModelEntry, VersionPolicy
from serving.server.models.folder_watch import FolderWatch
from serving.version_dirs import VersionDirs

NO_VERSIONS = (
    "No versions of servable m found under base path {}. Did you forget to name your "
    "leaf directory as a number (eg. '/1/')?"
)


def _entry(path: object, **fields: VersionPolicy) -> ModelEntry:
    return ModelEntry(name="m", base_path=str(path), **fields)


def test_two_names_for_one_number_are_a_warning_and_the_last_one_wins(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("1", "001"):
        (tmp_path / name).mkdir()
    assert FolderWatch().look(_entry(tmp_path)) == {1: str(tmp_path / "1")}
    assert caplog.messages == [
        "Duplicate version directories detected. Version 1 will be loaded from 1, "
        "001 will be ignored."
    ]


def test_a_missing_base_path_has_upstream_s_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert FolderWatch().look(_entry("/nowhere")) is None
    assert caplog.record_tuples[0][1] == logging.ERROR
    assert caplog.messages == [
        "FileSystemStoragePathSource encountered a filesystem access error: "
        "Could not find base path /nowhere for servable m "
        "with error NOT_FOUND: /nowhere not found"
    ]


def test_a_folder_without_versions_has_upstream_s_words(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert FolderWatch().look(_entry(tmp_path)) == {}
    assert caplog.messages == [NO_VERSIONS.format(tmp_path)]


@pytest.mark.parametrize(
    "versions, expected",
    [
        ((), ["No specific versions requested for servable m."]),
        (
            (1, 7),
            [
                "Version 7 of servable m, which was requested to be served as a "
                "'specific' version in the servable's version policy, was not found in "
                "the file system"
            ],
        ),
    ],
)
def test_specific_versions_that_are_not_there_are_a_warning(
    tmp_path: pathlib.Path,
    caplog: pytest.LogCaptureFixture,
    versions: tuple[int, ...],
    expected: list[str],
) -> None:
    (tmp_path / "1").mkdir()
    FolderWatch().look(_entry(tmp_path, policy=VersionPolicy(specific=versions)))
    assert caplog.messages == expected


def test_a_complaint_is_made_once_until_it_changes(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch, entry = FolderWatch(), _entry(tmp_path / "m")
    steps = [lambda: None, (tmp_path / "m").mkdir, (tmp_path / "m").rmdir]
    for step in steps:
        step()
        for _ in range(3):
            watch.look(entry)
    missing, empty, again = caplog.messages
    assert missing == again
    assert empty == NO_VERSIONS.format(tmp_path / "m")


def test_whatever_a_file_system_raises_is_a_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def lister(path: str) -> VersionDirs:
        raise ValueError("embedded null byte")

    assert FolderWatch(lister).look(_entry("/m")) is None
    assert "with error embedded null byte" in caplog.text
