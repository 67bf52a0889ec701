"""What a person sees of a run, and where the noise goes."""

import io
import logging
import subprocess
import sys
import types
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

from model import contract
from pipeline.data.notes import Note
from pipeline.run import progress
from pipeline.run.progress import RunDisplay

PROGRAM = """
import os, pathlib, sys
from pipeline.run.progress import noise_to
with noise_to(pathlib.Path("logs/run.log"), answers_on_stdout={json}) as console:
    print("python noise")
    os.system("echo noise of a child; echo complaint of a child >&2")
    console.print("[bold]step[/]")
    if {fails!r}:
        error = RuntimeError if {fails!r} == "RuntimeError" else SystemExit
        raise error("stopped") from ValueError("the reason\\nin lines")
print("answer")
"""


def noisy_program(folder: Path, *, json: bool, fails: str = "") -> tuple[str, str, str]:
    """Its stdout, its stderr and its log."""
    root = Path(progress.__file__).parents[2]
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(json=json, fails=fails)],
        cwd=folder,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    log = (folder / "logs" / "run.log").read_text()
    return finished.stdout, finished.stderr, log


def test_noise_goes_to_the_log_and_steps_to_the_terminal(tmp_path: Path) -> None:
    stdout, stderr, log = noisy_program(tmp_path, json=False)
    assert stdout == "step\nanswer\n"
    assert stderr == ""
    assert sorted(log.splitlines()) == [
        "complaint of a child",
        "noise of a child",
        "python noise",
    ]


def test_stdout_stays_free_for_the_answer(tmp_path: Path) -> None:
    stdout, stderr, _ = noisy_program(tmp_path, json=True)
    assert (stdout, stderr) == ("answer\n", "step\n")


def test_the_terminal_is_back_after_a_failure(tmp_path: Path) -> None:
    _, stderr, log = noisy_program(tmp_path, json=False, fails="SystemExit")
    assert stderr == "stopped\n"
    assert "stopped" not in log


def test_the_error_that_ends_a_run_is_in_the_log_with_its_reason(
    tmp_path: Path,
) -> None:
    _, stderr, log = noisy_program(tmp_path, json=False, fails="RuntimeError")
    assert stderr.endswith("RuntimeError: stopped\n")
    assert "ValueError: the reason\nin lines\n" in log
    assert "RuntimeError: stopped\n" in log


def test_a_second_run_adds_to_the_log(tmp_path: Path) -> None:
    noisy_program(tmp_path, json=False)
    _, _, log = noisy_program(tmp_path, json=False)
    assert log.count("python noise") == 2


@pytest.fixture
def paper() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def display(paper: io.StringIO) -> RunDisplay:
    return RunDisplay(Console(file=paper, highlight=False, width=100))


def node_run(seconds: float, *, cached: bool) -> types.SimpleNamespace:
    return types.SimpleNamespace(node_id="Trainer", seconds=seconds, cached=cached)


def report(**changes: object) -> None:
    """Logs how far something is, as training does."""
    now = {"done": 25, "total": 60, "told": "epoch 2/3  step 5/20"}
    logger = logging.getLogger(contract.PROGRESS_LOGGER)
    logger.info("step", extra={"progress": types.SimpleNamespace(**{**now, **changes})})


def test_every_node_leaves_a_line_with_its_time(
    display: RunDisplay, paper: io.StringIO
) -> None:
    with display:
        display.node_started("Trainer", 7, 13)
        display.node_finished(node_run(12.34, cached=False))
    assert paper.getvalue().split() == ["✓", "Trainer", "12.3", "s"]


def test_a_cached_node_says_so(display: RunDisplay, paper: io.StringIO) -> None:
    with display:
        display.node_started("Trainer", 7, 13)
        display.node_finished(node_run(0.1, cached=True))
    assert "from the cache" in paper.getvalue()


def test_a_step_that_is_no_node_is_shown_likewise(
    display: RunDisplay, paper: io.StringIO
) -> None:
    with display, display.step("Report"):
        assert paper.getvalue() == ""
    assert paper.getvalue().split()[:2] == ["✓", "Report"]


def test_without_a_terminal_training_is_told_now_and_then(
    display: RunDisplay, paper: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    with display:
        display.node_started("Trainer", 7, 13)
        report()
        assert paper.getvalue() == ""  # Twenty seconds are not over.
        monkeypatch.setattr(progress, "_PLAIN_INTERVAL_S", -1.0)
        report()
        report(told="epoch 3/3")
    told = [line.strip() for line in paper.getvalue().splitlines()]
    assert told == ["epoch 2/3  step 5/20", "epoch 3/3"]


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [
        (0.875, "trial 2/5  validation 0.8750, finished in 34 s: seed 3, dropout 0.1"),
        (None, "trial 2/5  MemoryError: no [room] in 34 s: seed 3, dropout 0.1"),
    ],
)
def test_every_trial_leaves_a_line(
    display: RunDisplay, paper: io.StringIO, accuracy: float | None, told: str
) -> None:
    trial = types.SimpleNamespace(
        settings={"training.seed": 3, "model.dropout": 0.1},
        end="finished",
        accuracy=accuracy,
        seconds=34.4,
        reason="" if accuracy else "MemoryError: no [room]",
    )
    with display:
        logger = logging.getLogger(contract.PROGRESS_LOGGER)
        logger.info("trial", extra={"trial": (2, 5, trial)})
    assert paper.getvalue().strip() == told


def test_training_moves_the_bar(display: RunDisplay) -> None:
    with display:
        display.node_started("Trainer", 7, 13)
        report()
        (task,) = display._bars.tasks
        assert (task.completed, task.total) == (25, 60)
        assert Text.from_markup(task.description).plain == "[ 7/13] Trainer"


def test_other_records_and_later_ones_are_not_drawn(
    display: RunDisplay, paper: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_INTERVAL_S", -1.0)
    with display:
        logging.getLogger(contract.PROGRESS_LOGGER).info("no progress in it")
    report()
    assert paper.getvalue() == ""


def test_notes_show_three_examples_as_they_are_and_what_to_do() -> None:
    examples = tuple(f"'[red]{n}' (d[1].csv:{n})" for n in range(5))
    note = Note(what="rows twice", count=1200, examples=examples, advice="Remove them.")
    screen = io.StringIO()
    progress.show_notes(Console(file=screen), [note])
    assert [line.strip() for line in screen.getvalue().splitlines()] == [
        "noted 1,200 × rows twice",
        "'[red]0' (d[1].csv:0)",
        "'[red]1' (d[1].csv:1)",
        "'[red]2' (d[1].csv:2)",
        "… 1,197 more; the report shows some. Remove them.",
    ]
