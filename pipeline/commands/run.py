"""`ktp run`: the pipeline on this machine."""

import dataclasses
import json
import os
import re
from pathlib import Path

import click
from rich.console import Console

from pipeline import teacher
from pipeline.commands.key_values import key_values
from pipeline.commands.settings import PRETRAINED_OPTION, run_config
from pipeline.commands.tune import TUNE_OPTION, with_trials
from pipeline.config import DEFAULT_PRESET, Environment
from pipeline.data.notes import visible
from pipeline.data.public import resolve
from pipeline.errors import RunError, SettingError
from pipeline.run import execute, progress

_MOST_CHARACTERS = 100
"""Of the output folder's name; file systems take 255 bytes."""

_NAMED_LABELS = 5
_COLUMN = 12
"""Characters of a number, in front of the linear model's."""

_STUDENT = "-student"
"""Ends the name of a student's output folder: its teacher may have the same data."""


@click.command()
@click.option(
    "--data",
    "data_path",
    required=True,
    help="CSV, JSONL, Parquet or TFRecord file; a folder with train, validation and "
    "test files; or the name of a public data set (`ktp data list`).",
)
@click.option(
    "--output",
    metavar="DIR",
    help="Folder of everything that comes out.  [default: runs/NAME, after the data; "
    f"with --teacher runs/NAME{_STUDENT}]",
)
@click.option("--preset", help=f"Model and training.  [default: {DEFAULT_PRESET}]")
@PRETRAINED_OPTION
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=key_values,
    metavar="KEY=VALUE",
    help="Change one setting, such as training.max_epochs=5. Repeatable.",
)
@click.option(
    "--teacher",
    "teacher_run",
    metavar="RUN",
    help="Learn from a better model, too: the output folder of its run, or its "
    "SavedModel.",
)
@click.option(
    "--unlabelled",
    "unlabelled_path",
    metavar="FILE",
    help="Texts without labels, which the teacher scores: CSV, JSONL, Parquet or "
    "TFRecord, or one text a line.",
)
@TUNE_OPTION
@click.option("--text-column", help="Name of the text column.  [default: text]")
@click.option("--label-column", help="Name of the label column.  [default: label]")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object.")
def run(
    data_path: str,
    output: str | None,
    preset: str | None,
    pretrained: str | None,
    settings: dict[str, str],
    teacher_run: str | None,
    unlabelled_path: str | None,
    tune: int | None,
    text_column: str | None,
    label_column: str | None,
    as_json: bool,
) -> None:
    """Train, check, export and push a classifier.

    Ends with a table, a page (report.html) and, if every check passed, a new version
    below serving_model/ and edge/ of the output folder. Runs again in seconds when
    nothing has changed.
    """
    overrides = with_trials(settings, tune)
    if text_column is not None:
        overrides["data.text_column"] = text_column
    if label_column is not None:
        overrides["data.label_column"] = label_column
    for option, place in (
        ("--data", data_path),
        ("--output", output),
        ("--teacher", teacher_run),
        ("--unlabelled", unlabelled_path),
    ):
        if place == "":  # Of a variable that is not set; to a path it is ".".
            raise SettingError(f"{option} is empty; name a file or a folder.")
    source = resolve(data_path, Environment.from_env())
    ending = _STUDENT if teacher_run else ""
    output_dir = Path(output or Path("runs") / f"{name_of(source)}{ending}")
    config = run_config(
        preset,
        pretrained,
        overrides,
        _teacher(teacher_run, unlabelled_path, output_dir),
    )
    request = execute.Request(
        data_path=source,
        output_dir=output_dir,
        config=config,
        unlabelled_path=Path(unlabelled_path) if unlabelled_path else None,
        as_json=as_json,
    )
    summary = execute.execute(request)
    _show(summary, Console(stderr=as_json, highlight=False))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary)))
    if not summary.blessed:
        raise RunError(
            "The model was not pushed: " + "; ".join(summary.refusals or ("refused",))
        )


def _teacher(
    run: str | None, unlabelled: str | None, output_dir: Path
) -> teacher.Teacher | None:
    if run is None:
        if unlabelled is not None:
            raise SettingError(
                "--unlabelled names texts for a teacher to score, and there is none. "
                "Name the output folder of an earlier run with --teacher."
            )
        return None
    found = teacher.find(Path(run))
    teacher.require_apart(found, output_dir)
    return found


def name_of(source: Path) -> str:
    """Names the output folder after the data: `train` of `in/train.csv.gz`.

    Of `.` and `..` it is the name of the folder that they stand for.
    """
    path = Path(os.path.abspath(source))
    name = path.name if os.path.isdir(path) else path.name.lstrip(".").split(".")[0]
    return re.sub(r"\W+", "-", name).strip("-_")[:_MOST_CHARACTERS] or "data"


def _place(path: str | None) -> str:
    return progress.in_markup(path) if path else "[red]not pushed[/]"


def _show(summary: execute.Summary, console: Console) -> None:
    """Prints one fact per line, and no path cut short: people copy them.

    What the linear model reached stands in a column of its own.
    """
    if summary.unchanged:
        console.print("Nothing changed since this was last run: data, settings, code.")
    beside = _linear_column(summary)
    facts = {
        "test accuracy": f"{summary.test_accuracy:.2%}",
        **_teacher_told(summary),
        "macro F1": progress.in_markup(_macro_f1_told(summary)),
        "validation accuracy": f"{summary.accuracy:.2%}",
        **_scores_told(summary),
        "training": f"{summary.train_s:.0f} s",
        "all together": f"{summary.wall_s:.1f} s",
        "SavedModel": _place(summary.saved_model),
        "TFLite": _place(summary.tflite),
        "report": _place(summary.report),
    }
    if summary.blessed and summary.refusals:  # An int8 file that is not good enough.
        facts["left out"] = progress.in_markup("; ".join(summary.refusals))
    for name, value in facts.items():
        if name in beside:
            gap = ";" if len(value) > _COLUMN else ""
            value = f"{value + gap:<{_COLUMN}} [dim]{beside[name]}[/]"
        console.print(f"  [bold]{name:<20}[/] {value}", soft_wrap=True)
    if summary.best_settings:
        console.print("  The Tuner chose what this gives again without it:")
        for setting in summary.best_settings:
            console.print(f"    --set {setting}", markup=False, soft_wrap=True)
    if summary.advice:
        console.print(f"  {progress.in_markup(summary.advice)}", soft_wrap=True)


def _linear_column(summary: execute.Summary) -> dict[str, str]:
    """Fact to what the linear model has of it; empty of runs that had none."""
    if summary.linear_accuracy is None:
        return {}
    note = f"; {summary.linear_note}" if summary.linear_note else ""
    return {
        "test accuracy": progress.in_markup(
            f"linear model {summary.linear_accuracy:.2%}{note}"
        ),
        "macro F1": f"linear model {summary.linear_macro_f1:.4f}",
        "training": f"linear model {summary.linear_s:.0f} s",
    }


def _teacher_told(summary: execute.Summary) -> dict[str, str]:
    if summary.teacher_accuracy is None:
        return {}
    return {"its teacher's": f"{summary.teacher_accuracy:.2%}"}


def _scores_told(summary: execute.Summary) -> dict[str, str]:
    """How far confidences can be trusted, and what is rejected, on the test split."""
    facts = {}
    if summary.calibration_error is not None:
        told = f"{summary.calibration_error:.2%}"
        if summary.temperature is not None:
            told += f" at temperature {summary.temperature:.3f}"
        facts["calibration error"] = told
    if summary.rejection is not None:
        shares = {
            name: summary.rejection[key]
            for name, key in (
                ("answered", "coverage"),
                ("of those right", "answered_accuracy"),
                ("out of scope rejected", "out_of_scope_recall"),
            )
        }
        parts = [f"{x:.1%} {name}" for name, x in shares.items() if x is not None]
        below = f"below {summary.rejection['threshold']:.3f}: "
        facts["none of these"] = below + ", ".join(parts)
    return facts


def _macro_f1_told(summary: execute.Summary) -> str:
    """Writes the number, and over which labels it is if not over all."""
    told = f"{summary.macro_f1:.4f}"
    missing = summary.unmeasured_labels
    if not missing:
        return told
    total = summary.measured_labels + len(missing)
    names = ", ".join(map(visible, missing[:_NAMED_LABELS]))
    left = len(missing) - _NAMED_LABELS
    more = f" and {left:,} more" if left > 0 else ""
    return (
        f"{told} over {summary.measured_labels:,} of {total:,} labels; "
        f"no test row, so not measured: {names}{more}"
    )
