"""What makes a cached result stale, and which commit a report names."""

import subprocess
from pathlib import Path

import pytest

from pipeline.nodes import fingerprint
from pipeline.nodes.fingerprint import PACKAGES, code_fingerprint, git_commit


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages in place of ours."""
    for name in ("one", "two/deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "code.py").write_text("x = 1\n")
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    return tmp_path


def test_every_package_of_ours_has_source() -> None:
    prints = {code_fingerprint([package]) for package in PACKAGES}
    assert len(prints) == len(PACKAGES)


def test_a_package_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no source of 'training'"):
        code_fingerprint(["model", "training"])


def test_equal_source_has_one_fingerprint(source: Path) -> None:
    assert code_fingerprint(["one", "two"]) == code_fingerprint(["one", "two"])
    assert len(code_fingerprint(["one"])) == 16


@pytest.mark.parametrize("change", ["text", "name", "new file", "versions"])
def test_any_change_is_seen(
    source: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = code_fingerprint(["one", "two"])
    code = source / "two" / "deep" / "code.py"
    if change == "text":
        code.write_text("x = 2\n")
    elif change == "name":
        code.rename(code.with_name("renamed.py"))
    elif change == "new file":
        code.with_name("more.py").write_text("")
    else:
        monkeypatch.setattr(fingerprint, "library_versions", lambda: {"keras": "9"})
    assert code_fingerprint(["one", "two"]) != before


def test_a_package_that_was_not_named_does_not_count(source: Path) -> None:
    before = code_fingerprint(["one"])
    (source / "two" / "deep" / "code.py").write_text("x = 2\n")
    assert code_fingerprint(["one"]) == before


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(
        ["git", *identity, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("x = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def test_a_checkout_names_its_commit(checkout: Path) -> None:
    git(checkout, "tag", "--annotate", "v1", "--message", "a tag is not a commit")
    commit = git_commit(checkout)
    assert commit is not None
    assert len(commit) == 12
    assert git(checkout, "rev-parse", "HEAD").startswith(commit)


def test_a_changed_checkout_does_not_pass_for_its_commit(checkout: Path) -> None:
    (checkout / "code.py").write_text("x = 2\n")
    assert str(git_commit(checkout)).endswith("-dirty")


def test_an_environment_inside_somebodys_repository_has_no_commit(
    checkout: Path,
) -> None:
    packages = checkout / ".venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    assert git_commit(packages) is None


def test_a_repository_that_git_cannot_read_has_no_commit(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert git_commit(tmp_path) is None


def test_without_git_there_is_no_commit(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_commit(checkout) is None
