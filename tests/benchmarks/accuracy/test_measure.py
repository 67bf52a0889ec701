"""A measurement: what is run, what is read, what is left."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.accuracy.matrix import Cell, Encoder, variants_named
from benchmarks.accuracy.measure import measure, run_command, scope
from pipeline.errors import RunError
from tests.support.benchmarks.accuracy_runs import RESULTS, FakeRuns
from tests.support.repository import ROOT

ENCODER = Encoder(folder=Path("/some/where"), name="mini")


def cell(variant: str, dataset: str = "velora") -> Cell:
    (found,) = variants_named([variant])
    return Cell(dataset=dataset, variant=found, seed=1, encoder=ENCODER)


@pytest.fixture
def runs() -> FakeRuns:
    return FakeRuns()


def test_the_record_has_what_the_run_said_and_left_behind(
    runs: FakeRuns, tmp_path: Path
) -> None:
    record = measure(cell("lora"), tmp_path, runs)
    assert record.key == cell("lora").key
    assert (record.accuracy, record.macro_f1) == (0.75, 0.7)
    assert (record.linear_accuracy, record.linear_s) == (0.5, 1.0)
    assert (record.train_s, record.wall_s) == (3.0, 9.0)
    assert record.peak_memory_bytes == 1 << 30
    assert record.files == {"SavedModel": 42}
    assert (record.parameters, record.trained_parameters) == (100, 7)
    assert not record.is_pushed
    assert "dirty" not in (record.commit or "")
    assert len(record.code) == 16
    assert record.machine["cores"] >= 1
    assert "/some/where" not in record.to_json()


def test_a_text_out_of_scope_is_no_text_in_scope() -> None:
    assert scope(RESULTS["evaluation"], "oos") == (pytest.approx(2 / 3), 0.5)
    assert scope(RESULTS["evaluation"], None) == (None, None)
    assert scope(RESULTS["evaluation"], "absent") == (None, None)


def test_the_folder_of_a_run_goes_unless_others_learn_from_it(
    runs: FakeRuns, tmp_path: Path
) -> None:
    measure(cell("lora"), tmp_path, runs)
    assert list(tmp_path.iterdir()) == []
    measure(cell("full"), tmp_path, runs)
    assert [path.name for path in tmp_path.iterdir()] == [cell("full").folder_name]


def test_a_run_that_was_cut_off_begins_anew(runs: FakeRuns, tmp_path: Path) -> None:
    half = tmp_path / cell("scratch").folder_name
    half.mkdir()
    (half / "half").touch()
    measure(cell("scratch"), tmp_path, runs)
    assert not half.exists()


def test_a_student_finds_its_teacher_or_makes_it_first(
    runs: FakeRuns, tmp_path: Path
) -> None:
    measure(cell("student"), tmp_path, runs)
    measure(cell("student"), tmp_path, runs)
    made = ["--teacher" if "--teacher" in c else "teacher" for c in runs.commands]
    assert made == ["teacher", "--teacher", "--teacher"]
    assert runs.option("--teacher") == runs.option("--output", 0)


def test_of_a_teacher_that_failed_nobody_learns(runs: FakeRuns, tmp_path: Path) -> None:
    half = tmp_path / cell("full").folder_name
    half.mkdir()
    (half / "log").touch()
    measure(cell("student"), tmp_path, runs)
    assert len(runs.commands) == 2
    runs.is_failing = True
    with pytest.raises(RunError):
        measure(cell("scratch"), tmp_path, runs)


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_of_a_command_the_last_line_counts() -> None:
    finished = run_command(program("print('noise'); print('{\"a\": 1}')"))
    assert finished.summary == {"a": 1}


def test_the_peak_memory_is_that_of_the_command_and_not_of_those_before() -> None:
    # Of a process that is small itself: Linux counts what a child was forked from.
    asking = """
import sys
from benchmarks.accuracy.measure import run_command
for text in ("x = b'x' * (300 << 20); print('{}')", "print('{}')"):
    print(run_command([sys.executable, "-c", text]).peak_memory_bytes >> 20)
"""
    finished = subprocess.run(
        program(asking), cwd=ROOT, capture_output=True, text=True, check=True
    )
    large, small = map(int, finished.stdout.split())
    assert small < 200 < 300 < large


def test_a_refused_model_has_been_measured_too() -> None:
    text = f"import sys; print({json.dumps(json.dumps({'a': 1}))}); sys.exit(1)"
    assert run_command(program(text)).summary == {"a": 1}


@pytest.mark.parametrize("text", ["exit(3)", "print('no json'); exit(3)"])
def test_a_command_without_an_answer_has_failed(text: str) -> None:
    with pytest.raises(RunError, match="exit status 3"):
        run_command(program(text))
