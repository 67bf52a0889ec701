"""Pins that stay, files that go stale: what `make lock` and its check rest on."""

import json
import os
import pathlib
import re
import sys
import tomllib
from typing import Any

import pytest

from scripts import lock
from tests.support.repository import ROOT

A = "sha256:" + "a" * 64
FILE = f"click==8.1.7 \\\n    --hash={A}\nnumpy==2.0 ; python_version > '3' \\\n"


@pytest.mark.parametrize(
    ("resolved", "complaint"),
    [
        (FILE.replace("8.1.7", "8.2.0"), "a.txt: + click==8.2.0 \\"),
        (FILE + "rich==14.0 \\\n", "a.txt: + rich==14.0 \\"),
        ("", "a.txt: - click==8.1.7 \\"),
    ],
)
def test_a_stale_file_says_how(sealed: pathlib.Path, resolved: str, complaint: str):
    new = sealed / "new"
    new.mkdir()
    (new / "a.txt").write_text(resolved)
    assert complaint in lock.stale(sealed, new)


def test_the_closures_own_marker_goes_and_narrower_ones_stay():
    text = (
        "a==1 ; os == 'x' \\\nb==1 ; os == 'x' and p == '3' \\\nc==1 ; os == 'x' \\\n"
    )
    assert lock.without_common_marker(text) == (
        "a==1 \\\nb==1 ; os == 'x' and p == '3' \\\nc==1 \\\n"
    )


FAKE_UV = """#!{python}
import json, pathlib, sys
words = sys.argv[1:]
output = pathlib.Path(words[words.index("--output-file") + 1])
project = pathlib.Path(words[words.index("--directory") + 1])
seen = dict(words=words, settings=(project / "pyproject.toml").read_text(),
            before=output.read_text())
with open({seen!r}, "a") as file:
    file.write(json.dumps(seen) + chr(10))
output.write_text({after!r})
"""


@pytest.fixture
def asked(tmp_path: pathlib.Path) -> list[dict[str, Any]]:
    """What uv was asked for each file of a lock that lets `click` go."""
    uv, seen, output = (tmp_path / name for name in ("uv", "seen", "output"))
    after = "a==1 ; os == 'x' \\\n"
    uv.write_text(FAKE_UV.format(python=sys.executable, seen=str(seen), after=after))
    uv.chmod(0o755)
    output.mkdir()
    lock.lock_all(str(uv), ["click"], output)
    written = {path.name: path.read_text() for path in output.glob("*.txt")}
    assert written == {file.name: "a==1 \\\n" for file in lock.FILES}
    return [json.loads(line) for line in seen.read_text().splitlines()]


def test_committed_pins_are_kept_but_for_those_let_go(asked: list[dict[str, Any]]):
    for file, each in zip(lock.FILES, asked, strict=True):
        assert each["before"] == (ROOT / "requirements" / file.name).read_text()
        words = each["words"]
        assert words[words.index("--upgrade-package") + 1] == "click"
        assert "--upgrade" not in words


def test_the_light_resolution_sees_no_tfx_but_the_device_s_machine(
    asked: list[dict[str, Any]],
):
    (light,) = (
        each
        for file, each in zip(lock.FILES, asked, strict=True)
        if file.name == "edge-py311.txt"
    )
    words = light["words"]
    assert words.count("--extra") == 1
    assert words[words.index("--extra") + 1] == "edge"
    assert "--group" not in words
    settings = tomllib.loads(light["settings"])["tool"]["uv"]
    machines = re.findall(r"platform_machine == '(\w+)'", str(settings["environments"]))
    assert machines == ["x86_64", "aarch64"]
    project = lock.read_pyproject()["tool"]["uv"]
    assert settings["override-dependencies"] == project["override-dependencies"]


def test_the_files_of_a_closure_take_the_versions_of_the_first(
    asked: list[dict[str, Any]],
):
    for file, each in zip(lock.FILES, asked, strict=True):
        is_first = file.name.startswith(("dev", "tools"))
        assert ("--constraints" not in each["words"]) is is_first
        assert is_first or f"output/{file.same_as}" in " ".join(each["words"])


@pytest.fixture
def sealed(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "a.txt").write_text(FILE)
    return tmp_path


def test_the_seal_breaks_when_a_file_or_a_requirement_changes(sealed: pathlib.Path):
    pyproject = lock.read_pyproject()
    before = lock.seal(pyproject, sealed)
    assert lock.seal(lock.read_pyproject(), sealed) == before
    pyproject["project"]["dependencies"].append("requests")
    assert lock.seal(pyproject, sealed) != before
    (sealed / "a.txt").write_text(FILE.replace("8.1.7", "8.2.0"))
    assert lock.seal(lock.read_pyproject(), sealed) != before


def test_a_broken_seal_alone_is_stale(sealed: pathlib.Path):
    assert lock.stale(sealed, sealed) == ["seal.sha256: was made from something else"]


def test_the_file_that_is_written_by_hand_is_neither_sealed_nor_stale(
    sealed: pathlib.Path,
):
    before = lock.seal(lock.read_pyproject(), sealed)
    (sealed / lock.HAND_WRITTEN).write_text("torch==2.13.0\n")
    assert lock.seal(lock.read_pyproject(), sealed) == before
    (sealed / "new").mkdir()
    (sealed / "new" / "a.txt").write_text(FILE)
    assert not any("torch" in line for line in lock.stale(sealed, sealed / "new"))


def test_an_equal_file_keeps_its_time(sealed: pathlib.Path, tmp_path_factory):
    target = tmp_path_factory.mktemp("target")
    (sealed / "b.txt").write_text("new")
    for name, text in {"a.txt": FILE, "b.txt": "old"}.items():
        (target / name).write_text(text)
        os.utime(target / name, (0, 0))
    lock.copy_changed(sealed, target)
    assert (target / "a.txt").stat().st_mtime == 0
    assert (target / "b.txt").read_text() == "new"


def committed() -> list[pathlib.Path]:
    return lock.locked(ROOT / "requirements")


def test_there_is_a_file_for_every_closure_and_extra():
    assert {file.name for file in lock.FILES} == {path.name for path in committed()}


@pytest.mark.parametrize("path", committed(), ids=lambda path: path.name)
def test_every_committed_pin_has_a_hash_and_no_file_names_an_index(path: pathlib.Path):
    text = path.read_text()
    blocks = text.replace("\\\n", "").splitlines()
    assert all("--hash=sha256:" in block for block in blocks), path.name
    assert "//" not in text
    assert "--index" not in text
    assert "--find-links" not in text


@pytest.mark.parametrize("closure", ["py311", "py312"])
def test_a_package_has_one_version_whichever_extra_asks(closure: str):
    def versions(name: str) -> set[str]:
        path = ROOT / "requirements" / f"{name}-{closure}.txt"
        return set(re.findall(r"^[^\s#]+==[^\s;]+", path.read_text(), re.MULTILINE))

    for name in ("client", "edge", "server", "pipeline"):
        assert versions(name) <= versions("dev"), name


def test_what_does_not_resolve_ends_with_a_word_and_changes_nothing(
    capsys: pytest.CaptureFixture[str],
):
    before = {path: path.stat().st_mtime for path in committed()}
    assert lock.main(["--uv", "/bin/false"]) == 1
    assert "does not resolve" in capsys.readouterr().err
    assert {path: path.stat().st_mtime for path in committed()} == before


def test_the_committed_files_are_sealed(capsys: pytest.CaptureFixture[str]):
    assert lock.main(["--check", "--uv", "/bin/false"]) == 0
    assert "current" in capsys.readouterr().out


def test_every_pin_written_by_hand_is_a_plain_version():
    text = (ROOT / "requirements" / lock.HAND_WRITTEN).read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[a-z]+==[0-9.]+", line) for line in lines), lines
