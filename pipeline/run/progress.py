"""What a person sees of a run: which node, how long, how training goes.

TensorFlow, Beam and TFX print much, some of it from C++ straight to the terminal. So
both streams go to a log file while a run is on, and only this module has the terminal.
"""

import contextlib
import logging
import os
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from model import contract
from pipeline.data.notes import Note
from serving.text_files.shown import printable

if TYPE_CHECKING:  # TFX is not imported yet when the terminal is.
    from model.tuning.trials import Trial
    from pipeline.run.node_runner import NodeRun

_PLAIN_INTERVAL_S = 20.0
_SHOWN_EXAMPLES = 3


@contextlib.contextmanager
def noise_to(log_path: Path, *, answers_on_stdout: bool) -> Iterator[Console]:
    """Sends both streams of this process to `log_path`; yields the real terminal.

    With `answers_on_stdout` the terminal is stderr, so that stdout stays for one
    machine-readable line.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        terminal = os.fdopen(
            os.dup(kept[1 if answers_on_stdout else 0]), "w", encoding="utf-8"
        )
        with terminal:
            yield Console(file=terminal, highlight=False)
    except Exception:
        # Its causes, too: the terminal gets one line of them. A full disk gets none.
        with contextlib.suppress(OSError):
            traceback.print_exc()
        raise
    finally:
        _flush_or_drop()
        for target, original in zip((1, 2), kept, strict=True):
            os.dup2(original, target)
            os.close(original)
        os.close(log)


def _flush_or_drop() -> None:
    """Writes what is buffered; on a full disk it goes nowhere, not to the terminal."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()


def in_markup(text: object) -> str:
    """Writes a text for Rich, to which `[red]` would otherwise be a colour."""
    return escape(printable(text).replace("\n", "\\n"))


def show_notes(console: Console, notes: Iterable[Note]) -> None:
    """Prints each note with a few examples and what to do about it."""
    for note in notes:
        console.print(f"  [yellow]noted[/] {note.count:,} × {note.what}")
        for example in note.examples[:_SHOWN_EXAMPLES]:
            console.print(f"      {example}", markup=False, soft_wrap=True)
        left = note.count - _SHOWN_EXAMPLES
        more = f"… {left:,} more; the report shows some. " if left > 0 else ""
        console.print(f"      [dim]{more}{note.advice}[/]", soft_wrap=True)


class ToldProgress(Protocol):
    """How far something is, as numbers and in a line."""

    @property
    def done(self) -> int: ...

    @property
    def total(self) -> int: ...

    @property
    def told(self) -> str: ...


class RunDisplay(logging.Handler):
    """Listens to the runner and to training, and draws both.

    On a terminal the running node has a spinner, and training a bar; elsewhere there is
    a plain line per node, and one every 20 seconds of training.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._told_at = 0.0

    def __enter__(self) -> "RunDisplay":
        logger = logging.getLogger(contract.PROGRESS_LOGGER)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(self)
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
        logging.getLogger(contract.PROGRESS_LOGGER).removeHandler(self)

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Shows something that is not a node of the pipeline."""
        started = time.monotonic()
        self._start(name)
        yield
        self._finish(name, time.monotonic() - started)

    def node_started(self, node_id: str, position: int, total: int) -> None:
        """Shows which node is running, of how many."""
        self._start(f"[{position:>2}/{total}] {node_id}")

    def node_finished(self, run: "NodeRun") -> None:
        """Leaves a line with the time of a node behind."""
        self._finish(run.node_id, run.seconds, "from the cache" if run.cached else "")

    def _start(self, text: str) -> None:
        self._told_at = time.monotonic()
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        self._bar = self._bars.add_task(in_markup(text), total=None, told="")

    def _finish(self, name: str, seconds: float, remark: str = "") -> None:
        self._console.print(
            f"  [green]✓[/] {name:<24}{seconds:7.1f} s  [dim]{remark}[/]"
        )
        if self._bar is not None:
            self._bars.remove_task(self._bar)
            self._bar = None

    def emit(self, record: logging.LogRecord) -> None:
        """Draws one `Progress`, of training or whatever else takes long, or a trial."""
        trial = getattr(record, "trial", None)
        if trial is not None:
            self._console.print(f"      {in_markup(_trial_told(*trial))}")
            self._told_at = time.monotonic()
        now: ToldProgress | None = getattr(record, "progress", None)
        if now is None:
            return
        if self._bar is not None:
            self._bars.update(
                self._bar, completed=now.done, total=now.total, told=now.told
            )
        is_due = time.monotonic() - self._told_at > _PLAIN_INTERVAL_S
        if is_due and not self._console.is_terminal:
            self._console.print(f"      {now.told}")
            self._told_at = time.monotonic()


def _trial_told(number: int, total: int, trial: "Trial") -> str:
    """Writes one line; without the sections of the settings it mostly fits a screen."""
    came_of_it = trial.reason
    if trial.accuracy is not None:
        came_of_it = f"validation {trial.accuracy:.4f}, {trial.end}"
    settings = ", ".join(
        f"{key.split('.')[1]} {value}" for key, value in trial.settings.items()
    )
    return f"trial {number}/{total}  {came_of_it} in {trial.seconds:.0f} s: {settings}"
