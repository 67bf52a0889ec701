"""The teacher that a folder stands for: the newest pushed, or a clear refusal."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import teacher
from pipeline.errors import SettingError
from pipeline.run.plain_name import is_plain


def push(run: Path, version: int, content: str = "graph") -> Path:
    folder = run / "serving_model" / str(version)
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_text(content)
    (folder / "variables" / "variables.index").write_text("weights")
    return folder


def test_the_newest_version_of_a_run_is_taken(tmp_path: Path) -> None:
    for version in (9, 10, 2):
        push(tmp_path, version)
    (tmp_path / "serving_model" / ".staging-11").mkdir()
    for place in (tmp_path, tmp_path / "serving_model"):
        found = teacher.find(place)
        assert Path(found.uri) == tmp_path / "serving_model" / "10"
        assert found.version == "10"


def test_a_saved_model_is_taken_as_it_is(tmp_path: Path) -> None:
    old, _ = push(tmp_path, 1), push(tmp_path, 2)
    assert Path(teacher.find(old).uri) == old


def test_the_digest_follows_the_content_and_not_the_place(tmp_path: Path) -> None:
    push(tmp_path / "a", 1)
    push(tmp_path / "b", 7)
    push(tmp_path / "c", 1, "another graph")
    a, b, c = (teacher.find(tmp_path / name).digest for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "does not exist"),
        ("file", "is no folder"),
        ("empty", "holds no pushed model"),
        ("refused", "holds no pushed model"),
    ],
)
def test_what_is_no_teacher_is_refused(kind: str, message: str, tmp_path: Path) -> None:
    run = tmp_path / kind
    if kind == "file":
        run.write_text("")
    if kind == "empty":
        run.mkdir()
    if kind == "refused":
        (run / "serving_model" / "3").mkdir(parents=True)
    with pytest.raises(SettingError, match=message):
        teacher.find(run)


def test_a_student_is_not_pushed_over_its_teacher(tmp_path: Path) -> None:
    push(tmp_path / "run", 1)
    found = teacher.find(tmp_path / "run")
    teacher.require_apart(found, tmp_path / "run-student")
    (tmp_path / "link").symlink_to(tmp_path / "run")
    for output in (tmp_path / "run", tmp_path / "link"):
        with pytest.raises(SettingError, match="Name another folder with --output"):
            teacher.require_apart(found, output)


def test_a_name_in_which_tensorflow_sees_a_pattern_gets_a_link(
    tmp_path: Path,
) -> None:
    odd, plain = (teacher.find(push(tmp_path / name, 1)) for name in ("a [1]*", "a"))
    for _ in range(2):  # A killed run leaves a link behind.
        linked = odd.linked_in(tmp_path)
    assert is_plain(Path(linked.readable_uri))
    assert Path(linked.readable_uri).resolve() == Path(odd.uri).resolve()
    assert linked.uri == odd.uri
    assert plain.linked_in(tmp_path) == plain
    assert plain.readable_uri == plain.uri


def test_finding_needs_no_tensorflow() -> None:
    program = "import sys, pipeline.teacher; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
