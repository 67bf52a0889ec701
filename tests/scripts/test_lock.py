"""Pins that stay, files that go stale: what `make lock` and its check rest on."""

import os
import pathlib
import tomllib

import pytest

from scripts import lock, pins
from tests.support.repository import ROOT

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FILE = f"click==8.1.7 \\\n    --hash={A}\nnumpy==2.0 ; python_version > '3' \\\n"


def test_pins_keep_their_markers_and_lose_their_hashes():
    assert pins.pins(FILE) == ["click==8.1.7", "numpy==2.0 ; python_version > '3'"]


def test_the_same_pins_are_no_difference():
    assert pins.difference("a.txt", FILE, FILE) == []


def test_a_wheel_that_upstream_added_is_no_difference():
    assert pins.difference("a.txt", FILE, f"{FILE}    --hash={B}\n") == []


@pytest.mark.parametrize(
    ("resolved", "complaint"),
    [
        (FILE.replace("8.1.7", "8.2.0"), "a.txt: + click==8.2.0"),
        (FILE + "rich==14.0 \\\n", "a.txt: + rich==14.0"),
        ("", "a.txt: - click==8.1.7"),
        (FILE.replace(A, B), f"a.txt: {A} is not what the index has"),
    ],
)
def test_a_stale_file_says_how(resolved: str, complaint: str):
    assert complaint in pins.difference("a.txt", FILE, resolved)


def test_the_closures_own_marker_goes_and_narrower_ones_stay():
    text = (
        "a==1 ; os == 'x' \\\nb==1 ; os == 'x' and p == '3' \\\nc==1 ; os == 'x' \\\n"
    )
    assert pins.without_common_marker(text) == (
        "a==1 \\\nb==1 ; os == 'x' and p == '3' \\\nc==1 \\\n"
    )


def test_the_light_resolution_sees_no_tfx():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    light = next(item for item in lock.LOCKS if "edge" in item.sets)
    project = tomllib.loads(lock.project_file(pyproject, light, ["click==8.1.7"]))
    extras = project["project"]["optional-dependencies"]
    assert extras["client"] == pyproject["project"]["optional-dependencies"]["client"]
    assert "pipeline" not in extras
    assert project["tool"]["uv"]["constraint-dependencies"] == ["click==8.1.7"]


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
    return sorted((ROOT / "requirements").glob("*.txt"))


def test_there_is_a_file_for_every_closure_and_extra():
    names = {p.name for item in lock.LOCKS for p in item.paths(ROOT / "requirements")}
    assert names == {path.name for path in committed()}


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
        return {pin.split(" ;")[0] for pin in pins.pins(path.read_text())}

    for name in ("client", "edge", "server", "pipeline"):
        assert versions(name) <= versions("dev"), name
