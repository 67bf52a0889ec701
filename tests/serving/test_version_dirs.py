"""Which directories below a base path are versions."""

import pathlib
import sys
import types

import pytest

from serving.version_dirs import has_scheme, list_versions


def test_version_directories_are_whole_int64_names(tmp_path: pathlib.Path) -> None:
    for name in ("1", "00000123", "-5", "2a", "tmp-3", str(2**63), "assets", "\u0663"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    assert sorted(list_versions(str(tmp_path)).paths) == [-5, 1, 123]


def test_a_link_to_a_directory_is_a_version(tmp_path: pathlib.Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "1").symlink_to(tmp_path / "real")
    assert list_versions(str(tmp_path)).paths == {1: str(tmp_path / "1")}


@pytest.mark.parametrize(
    "path, expected",
    [("gs://b/m", True), ("s3://b", True), ("/m", False), ("1x://b", False)],
)
def test_a_scheme_starts_with_a_letter(path: str, expected: bool) -> None:
    assert has_scheme(path) is expected


class FakeGfile:
    """An object store that lists descendants and marks folders with a slash."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def exists(self, path: str) -> bool:
        return path == "gs://bucket/m"

    def listdir(self, path: str) -> list[str]:
        return list(self.names)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    gfile = FakeGfile("1/", "2/saved_model.pb", "2/assets/", "notes.txt")
    fake = types.SimpleNamespace(
        io=types.SimpleNamespace(gfile=gfile),
        errors=types.SimpleNamespace(OpError=ArithmeticError),
    )
    monkeypatch.setitem(sys.modules, "tensorflow", fake)  # type: ignore[arg-type]


@pytest.mark.usefixtures("bucket")
def test_a_base_path_with_a_scheme_is_listed_by_tensorflow() -> None:
    expected = {1: "gs://bucket/m/1", 2: "gs://bucket/m/2"}
    assert list_versions("gs://bucket/m").paths == expected


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_a_missing_base_path() -> None:
    with pytest.raises(FileNotFoundError, match="gs://bucket/other not found"):
        list_versions("gs://bucket/other")
