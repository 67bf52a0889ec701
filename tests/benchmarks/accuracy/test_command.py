"""`make accuracy`: it goes on where it was cut off, and a failure stops nothing."""

import re
from pathlib import Path

import pytest

from benchmarks.accuracy.__main__ import main
from benchmarks.accuracy.matrix import Cell
from benchmarks.accuracy.pages import BEGIN, END
from benchmarks.accuracy.records import Record, RecordFile
from pipeline.errors import RunError
from tests.support.benchmarks.accuracy_runs import record


class FakeMeasure:
    """Measures at once; `fails` and `stops` are numbers of calls."""

    def __init__(self, fails: int = 0, stops: int = 0) -> None:
        self.measured: list[str] = []
        self._fails, self._stops = fails, stops
        self._calls = 0

    def __call__(self, cell: Cell, work_dir: Path) -> Record:
        self._calls += 1
        if self._calls == self._stops:
            raise KeyboardInterrupt
        if self._calls == self._fails:
            raise RunError("exit status 1")
        self.measured.append(f"{cell.variant.name} {cell.seed}")
        return record(variant=cell.variant.name, seed=cell.seed)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("README.md", "docs/decisions/accuracy.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{BEGIN}\n{END}\n")
    return tmp_path


def run(root: Path, measure: FakeMeasure, *more: str) -> int:
    options = ["--datasets", "velora", "--work", str(root / "work")]
    options += ["--variants", "linear,scratch"]
    return main([*options, *more], measure, root)


def test_what_is_missing_is_measured_and_all_is_rendered(root: Path) -> None:
    measure = FakeMeasure()
    assert run(root, measure, "--seeds", "1,2") == 0
    assert measure.measured == ["linear 0", "scratch 1", "scratch 2"]
    assert "(2)" in (root / "README.md").read_text()


def test_a_second_start_goes_on_with_the_next(root: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(root, FakeMeasure(stops=3), "--seeds", "1,2")
    assert "from scratch" in (root / "README.md").read_text()
    again = FakeMeasure()
    run(root, again, "--seeds", "1,2")
    assert again.measured == ["scratch 2"]


def test_a_failure_is_told_and_tried_again_by_the_next_start(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = FakeMeasure(fails=1)
    assert run(root, failing, "--seeds", "1") == 1
    assert failing.measured == ["scratch 1"]
    told = capsys.readouterr().err
    assert re.search(r"failed: velora-linear-0-\w{8}: exit status 1", told)
    again = FakeMeasure()
    assert run(root, again, "--seeds", "1") == 0
    assert again.measured == ["linear 0"]


def test_again_measures_what_is_recorded(root: Path) -> None:
    run(root, FakeMeasure(), "--seeds", "1")
    again = FakeMeasure()
    run(root, again, "--seeds", "1", "--again")
    assert again.measured == ["linear 0", "scratch 1"]
    assert len(RecordFile(root / "docs/decisions/accuracy.jsonl").read()) == 2


def test_of_another_file_the_tables_are_only_printed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(root, FakeMeasure(), "--seeds", "1", "--records", str(root / "r.jsonl"))
    assert len(RecordFile(root / "r.jsonl").read()) == 2
    assert "| from scratch | 80.0 |" in capsys.readouterr().out
    assert "scratch" not in (root / "README.md").read_text()


@pytest.mark.parametrize("option", ["--list", "--render"])
def test_a_look_measures_nothing(root: Path, option: str) -> None:
    measure = FakeMeasure()
    assert run(root, measure, option) == 0
    assert measure.measured == []


def test_a_variant_that_is_none_ends_with_a_sentence(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(root, FakeMeasure(), "--variants", "bert") == 1
    assert "no variant 'bert'" in capsys.readouterr().err
