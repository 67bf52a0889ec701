"""One measurement: the product's own command, watched, and what it left behind."""

import datetime
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy.matrix import OUT_OF_SCOPE, Cell, is_taught_from
from benchmarks.accuracy.records import Record
from benchmarks.harness.machine import machine_facts
from pipeline.errors import RunError
from pipeline.nodes.fingerprint import code_fingerprint, git_commit
from serving.launch.child import dying_with_us

_KTP = str(Path(sys.executable).with_name("ktp"))
_RESULTS = "results.json"


class Finished(NamedTuple):
    """What a command wrote last, and the most memory that one of its processes had."""

    summary: dict[str, Any]
    peak_memory_bytes: int


Runner = Callable[[Sequence[str]], Finished]


def run_command(command: Sequence[str]) -> Finished:
    """Runs a command that ends with one JSON object; its progress goes to the terminal.

    Raises:
        RunError: It wrote none: it failed, and has said why.
    """
    process = subprocess.Popen(
        dying_with_us(command), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        lines = process.stdout.read().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    try:
        # A model that was refused has been measured, too.
        return Finished(json.loads(lines[-1]), usage.ru_maxrss * 1024)
    except (IndexError, ValueError):
        raise RunError(f"exit status {process.returncode}") from None


def measure(cell: Cell, work_dir: Path, run: Runner = run_command) -> Record:
    """Measures in a folder that is new, and keeps it where others learn from it.

    What failed stays as it is until the next try: its log says why.

    Raises:
        RunError: The command failed.
        UserError: The data is not there.
    """
    folder = work_dir / cell.folder_name
    teacher = cell.teacher
    if teacher and not (work_dir / teacher.folder_name / _RESULTS).exists():
        measure(teacher, work_dir, run)
    shutil.rmtree(folder, ignore_errors=True)
    finished = run([*_program(cell), *cell.arguments(work_dir)])
    record = _record(cell, finished, json.loads((folder / _RESULTS).read_text()))
    if not is_taught_from(cell.variant):
        shutil.rmtree(folder)
    return record


def _program(cell: Cell) -> list[str]:
    if cell.variant.module:
        return [sys.executable, "-m", cell.variant.module]
    return [_KTP, "run"]


def _record(cell: Cell, finished: Finished, results: dict[str, Any]) -> Record:
    summary = finished.summary
    training = results.get("training", {})
    parameters = training.get("parameters", 0)
    in_scope, recall = scope(results["evaluation"], OUT_OF_SCOPE.get(cell.dataset_name))
    facts = machine_facts()
    return Record(
        dataset=cell.dataset_name,
        variant=cell.variant.name,
        options=cell.variant.options,
        seed=cell.seed,
        settings=cell.settings,
        pretrained=cell.encoder_name,
        accuracy=summary["test_accuracy"],
        macro_f1=summary["macro_f1"],
        in_scope_accuracy=in_scope,
        out_of_scope_recall=recall,
        linear_accuracy=summary.get("linear_accuracy"),
        linear_s=summary.get("linear_s"),
        train_s=summary["train_s"],
        wall_s=summary["wall_s"],
        peak_memory_bytes=finished.peak_memory_bytes,
        files={
            each["name"]: each["size_bytes"] for each in results.get("variants", ())
        },
        parameters=parameters,
        trained_parameters=training.get("trained_parameters") or parameters,
        is_pushed=summary.get("blessed", True),
        # Dirty it is after the first measurement: the file of records has changed.
        commit=(git_commit() or "").removesuffix("-dirty") or None,
        code=code_fingerprint(),
        machine={key: facts[key] for key in ("processor", "cores", "python")},
        ended_at=datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    )


def scope(
    evaluation: dict[str, Any], out_of_scope: str | None
) -> tuple[float | None, float | None]:
    """Gives the accuracy in scope and the recall out of scope of a run's answers."""
    labels = evaluation["labels"]
    if out_of_scope not in labels:
        return None, None
    outside = labels.index(out_of_scope)
    pairs = list(zip(evaluation["true_ids"], evaluation["predicted_ids"], strict=True))
    inside = [true == given for true, given in pairs if true != outside]
    recalled = [given == outside for true, given in pairs if true == outside]
    return _share(inside), _share(recalled)


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
