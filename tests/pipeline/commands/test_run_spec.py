"""`ktp run-spec`, as a person types it."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.commands.run_spec import run_spec
from pipeline.errors import RunError, SettingError
from tests.support.pipeline.small_spec import Json, spec, task, write

PUSHED = """
write('out', 'x')
end(artifacts={{'out': {{'artifacts': [{{'metadata': {0}}}]}}}})
"""


def called(path: Path, *arguments: str) -> Result:
    output = ("--output", str(path.parent / "run"))
    return CliRunner().invoke(run_spec, [str(path), *output, *arguments])


def pipeline(metadata: Json) -> Json:
    tasks = {
        "make": task("write('out', value('word'))\nend()",
                     parameters={"word": {"componentInputParameter": "word"}}),
        "push": task(PUSHED.format(metadata), inputs={"x": ("make", "out")}),
    }  # fmt: skip
    return spec(tasks, {"word": {"parameterType": "STRING"}})


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"pushed": 1, "pushed_destination": "/push/17"}, "out → /push/17"),
        ({"pushed": 0}, "out: not pushed, a check refused it"),
    ],
)
def test_it_says_what_ran_and_where_the_models_went(
    tmp_path: Path, metadata: Json, told: str
) -> None:
    path = write(tmp_path / "p.yaml", pipeline(metadata))
    lines = called(path, "--parameter", "word=x").output.splitlines()
    assert lines[0] == "small: 2 tasks as kubeflow starts them, subprocess"
    assert [line.split()[:2] for line in lines[1:3]] == [["✓", "make"], ["✓", "push"]]
    assert lines[3].strip() == told
    assert lines[4].endswith(f"logs and artifacts: {tmp_path / 'run'}")
    again = called(path, "--parameter", "word=x").output.splitlines()
    assert [line.endswith("from the cache") for line in again[1:3]] == [True, True]


@pytest.mark.parametrize(
    ("name", "arguments", "mode"),
    [
        ("p.json", [], "vertex"),
        ("p.yaml", [], "kubeflow"),
        ("p.yaml", ["--as", "vertex"], "vertex"),
    ],
)
def test_the_end_of_the_file_says_whose_inputs_unless_told(
    tmp_path: Path, name: str, arguments: list[str], mode: str
) -> None:
    path = write(tmp_path / name, pipeline({}))
    output = called(path, "--parameter", "word=x", *arguments).output
    assert output.startswith(f"small: 2 tasks as {mode} starts them")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "parameters word have no default"),
        (["--parameter", "wor=x"], "no parameter 'wor'; it has word"),
        (["--parameter", "word=x", "--volume", "c=/tmp"], "is for --backend podman"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    path = write(tmp_path / "p.yaml", pipeline({}))
    error = called(path, *arguments).exception
    assert isinstance(error, SettingError)
    assert complaint in str(error)


def test_podman_that_is_not_here_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    path = write(tmp_path / "p.yaml", pipeline({}))
    error = called(path, "--backend", "podman", "--parameter", "word=x").exception
    assert isinstance(error, SettingError)
    assert "needs the program podman, which is not here" in str(error)


def test_a_failed_task_is_the_end(tmp_path: Path) -> None:
    content = spec({"make": task("print('so sad'); sys.exit(4)")})
    error = called(write(tmp_path / "p.yaml", content)).exception
    assert isinstance(error, RunError)
    assert "make failed with exit status 4" in str(error)
    assert "so sad" in str(error)
