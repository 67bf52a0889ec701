"""One run on this machine: from a file of labelled text to two pushed models."""

import contextlib
import dataclasses
import datetime
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model import contract
from pipeline import beam, teacher
from pipeline.atomic_write import write_whole
from pipeline.config import (
    PUSHED_EDGE_MODEL,
    PUSHED_MODEL,
    Environment,
    PipelineConfig,
    RunConfig,
)
from pipeline.data.dataset import Dataset
from pipeline.errors import RunError
from pipeline.labelled.rules import DataRules
from pipeline.nodes.fingerprint import code_fingerprint
from pipeline.run import progress
from pipeline.run.plain_name import plain_name
from pipeline.run.temporary_folder import temporary_folder
from pipeline.run.termination import ends_politely
from pipeline.run.workspace import Workspace
from serving.text_files.shown import named, printable

if TYPE_CHECKING:  # TFX takes half a minute to import; bad input should not wait.
    from pipeline.report.results import Evaluation, RunResults
    from pipeline.run.node_runner import NodeRun
    from pipeline.run.outcome import Outcome


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked for. `as_json` keeps stdout free for one line.

    The texts of `unlabelled_path` are for the teacher of `config` to score.
    """

    data_path: Path
    output_dir: Path
    config: RunConfig
    unlabelled_path: Path | None = None
    as_json: bool = False


_LISTS = ("refusals", "notes", "unmeasured_labels", "trials", "best_settings")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run ends with; paths are absolute, None where nothing was pushed.

    `accuracy` is on the validation split at the best epoch; `test_accuracy` and
    `macro_f1` are Evaluator's, on the test split, which has rows of `measured_labels`
    labels, and so is `teacher_accuracy`. `linear_…` is what a linear model reaches
    there, learnt in `linear_s` seconds, and `advice` what that means.
    `calibration_error` is the mean distance of confidence and accuracy there, after
    division by `temperature`; `rejection` has a `pipeline.report.rejecting.Rejecting`
    of a model that rejects. `refusals` are the checks that failed, `notes` what was
    found in the data. `pretrained` names the encoder that training began with,
    `pretrained_sha256` is its digest. `trials` are the Tuner's, in their order, and
    `best_settings` what it chose, as `key=value`; empty where none was asked for.
    """

    accuracy: float
    test_accuracy: float
    macro_f1: float
    wall_s: float
    train_s: float
    saved_model: str | None
    tflite: str | None
    report: str
    blessed: bool
    unchanged: bool = False
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    measured_labels: int = 0
    unmeasured_labels: tuple[str, ...] = ()
    linear_accuracy: float | None = None
    linear_macro_f1: float | None = None
    linear_s: float | None = None
    linear_note: str = ""
    advice: str = ""
    teacher_accuracy: float | None = None
    pretrained: str | None = None
    pretrained_sha256: str | None = None
    trials: tuple[Mapping[str, Any], ...] = ()
    best_settings: tuple[str, ...] = ()
    temperature: float | None = None
    calibration_error: float | None = None
    rejection: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in _LISTS:  # JSON gives lists.
            object.__setattr__(self, name, tuple(getattr(self, name)))


def execute(request: Request) -> Summary:
    """Runs the pipeline, or finds that nothing changed since it last ran.

    Raises:
        UserError: The data, a setting or a folder cannot be used, or a node failed.
    """
    started = time.monotonic()
    workspace = Workspace(request.output_dir.absolute())
    rules = DataRules.of(request.config)
    dataset = rules.load(request.data_path, request.unlabelled_path)
    workspace.prepare()
    with (
        workspace.locked(),
        ends_politely(),
        plain_name(workspace.root, Environment.from_env().cache_dir) as plain_root,
        temporary_folder(plain_root / workspace.temporary_dir.name),
        workspace.watching_the_disk(),
    ):
        workspace = dataclasses.replace(workspace, plain_root=plain_root)
        workspace.clear_leftovers()
        identity = _identity(request.config, dataset)
        last = workspace.last_run()
        if last is not None and last["fingerprint"] == identity:
            wall_s = time.monotonic() - started
            return Summary(**{**last["summary"], "wall_s": wall_s, "unchanged": True})
        summary = _run(request, workspace, dataset, started)
        if summary.blessed:
            workspace.remember(identity, dataclasses.asdict(summary))
    return summary


def _identity(config: RunConfig, dataset: Dataset) -> str:
    return "-".join((config.fingerprint(), dataset.sha256[:16], code_fingerprint()))


def _run(
    request: Request, workspace: Workspace, dataset: Dataset, started: float
) -> Summary:
    now = datetime.datetime.now().astimezone()
    log_path = workspace.log_path(now.strftime("%Y%m%d-%H%M%S"))
    with progress.noise_to(log_path, answers_on_stdout=request.as_json) as console:
        _announce(console, request, dataset, log_path)
        try:
            with progress.RunDisplay(console) as display:
                outcome = _run_nodes(request, workspace, dataset, display)
                with display.step("Report"), _interruption_tells_of(outcome):
                    return _report(request, workspace, outcome, now, started)
        except RunError as error:
            told = workspace.named(str(error))
            raise RunError(f"{told}\nThe details are in {log_path}.") from error


@contextlib.contextmanager
def _interruption_tells_of(outcome: "Outcome") -> Iterator[None]:
    """Says of Ctrl-C, when it comes late, that the models are pushed already."""
    try:
        yield
    except KeyboardInterrupt as error:
        pushed = outcome.pushed(PUSHED_MODEL)
        if pushed is not None:
            error.add_note(
                f"Version {pushed.name} is pushed; its report is missing: run it again."
            )
        raise


def _announce(
    console: Console, request: Request, dataset: Dataset, log_path: Path
) -> None:
    rows = ", ".join(f"{len(dataset.splits[s]):,} {s}" for s in contract.SPLITS)
    console.print(
        f"[bold]{progress.in_markup(dataset.source)}[/]: {rows} rows, "
        f"{len(dataset.labels)} labels, "
        f"preset [bold]{request.config.preset}[/]",
        soft_wrap=True,
    )
    for reason, count in dataset.dropped.items():
        console.print(f"  [yellow]dropped[/] {count:,} × {reason.replace('_', ' ')}")
    progress.show_notes(console, dataset.notes)
    console.print(f"  [dim]log: {progress.in_markup(log_path)}[/]", soft_wrap=True)


def _run_nodes(
    request: Request,
    workspace: Workspace,
    dataset: Dataset,
    display: progress.RunDisplay,
) -> "Outcome":
    run = request.config
    if run.teacher is not None:
        with display.step("Look at the teacher"):
            linked = run.teacher.linked_in(workspace.plain.temporary_dir)
            teacher.check(linked, dataset.labels)
            run = dataclasses.replace(run, teacher=linked)
    with display.step("Start TensorFlow and TFX"):
        from pipeline.data import tfrecords
        from pipeline.nodes.create import create_pipeline
        from pipeline.run import node_runner, outcome

        data_root = tfrecords.write(dataset, workspace.plain.root / "data")
        config = pipeline_config(run, workspace.plain, dataset, data_root)
        pipeline = create_pipeline(config)
    runs: dict[str, NodeRun] = node_runner.run_pipeline(pipeline, display)
    return outcome.Outcome(config=config, dataset=dataset, runs=runs)


def pipeline_config(
    run: RunConfig, workspace: Workspace, dataset: Dataset, data_root: Path
) -> PipelineConfig:
    """Says where a local run reads and writes."""
    from components.pushing import pushed_versions

    live = pushed_versions.newest(str(workspace.serving_dir))
    return PipelineConfig(
        name="keras-transformer",
        run=run,
        data_root=str(data_root),
        pipeline_root=str(workspace.pipeline_dir),
        serving_dir=str(workspace.serving_dir),
        edge_dir=str(workspace.edge_dir),
        metadata_path=str(workspace.pipeline_dir / "metadata.sqlite"),
        checkpoint_root=str(workspace.pipeline_dir / "checkpoints"),
        has_unlabelled=bool(dataset.unlabelled),
        live_version="" if live is None else str(live),
        beam_pipeline_args=beam.IN_PROCESS,
        run_id=datetime.datetime.now().isoformat(),
    )


def _report(
    request: Request,
    workspace: Workspace,
    outcome: "Outcome",
    started_at: datetime.datetime,
    started: float,
) -> Summary:
    from pipeline.report import insights, results, write_report

    saved_model = outcome.pushed(PUSHED_MODEL)
    edge = outcome.pushed(PUSHED_EDGE_MODEL)
    facts: dict[str, Any] = {
        "blessed": saved_model is not None and edge is not None,
        "train_s": outcome.history["train_s"],
        "wall_s": time.monotonic() - started,
    }
    info = results.RunInfo(
        title=named(Path(request.data_path.name)),
        data_path=named(request.data_path),
        output_dir=str(workspace.root),
        preset=request.config.preset,
        started_at=started_at.isoformat(timespec="seconds"),
        command=printable(shlex.join(["ktp", *sys.argv[1:]])),
        checks=outcome.checks(),
        pushed_version=saved_model.name if saved_model else None,
        **facts,
    )
    found = outcome.as_results(info)
    write_whole(workspace.results_path, found.to_json())
    write_report(found, workspace.report_path)
    return Summary(
        accuracy=outcome.history["best_accuracy"],
        test_accuracy=outcome.metrics["accuracy"],
        macro_f1=outcome.metrics["macro_f1"],
        saved_model=workspace.named(str(saved_model)) if saved_model else None,
        tflite=workspace.named(str(edge / contract.FLOAT32_TFLITE)) if edge else None,
        report=str(workspace.report_path),
        refusals=tuple(check.told for check in info.checks if not check.passed),
        notes=tuple(
            f"{note.count:,} × {note.what}: {'; '.join(note.examples[:3])}"
            for note in outcome.dataset.notes
        ),
        measured_labels=len(outcome.dataset.labels_of(contract.TEST)),
        unmeasured_labels=tuple(outcome.dataset.unmeasured_labels),
        advice=insights.linear_advice(found) or "",
        **_facts_beside(outcome, found),
        **_tuner_facts(outcome),
        **_scores_told(found.evaluation),
        **facts,
    )


def _tuner_facts(outcome: "Outcome") -> dict[str, Any]:
    best = outcome.best_settings.items()
    return {
        "trials": tuple(dataclasses.asdict(trial) for trial in outcome.trials),
        "best_settings": tuple(f"{key}={value}" for key, value in best),
    }


def _facts_beside(outcome: "Outcome", found: "RunResults") -> dict[str, Any]:
    """Says what a model began with, learnt from, and is compared with."""
    linear = outcome.linear
    return {
        "pretrained": found.lineage.pretrained,
        "pretrained_sha256": found.lineage.pretrained_sha256,
        "teacher_accuracy": found.teacher.accuracy if found.teacher else None,
        "linear_accuracy": linear.accuracy,
        "linear_macro_f1": linear.macro_f1,
        "linear_s": linear.seconds,
        "linear_note": linear.note,
    }


def _scores_told(evaluation: "Evaluation") -> dict[str, Any]:
    """What the scores are worth, as the summary has it."""
    from pipeline.report import confidence, rejecting

    calibration, rejects = evaluation.calibration, rejecting.measure(evaluation)
    return {
        "temperature": None if calibration is None else calibration.temperature,
        "calibration_error": confidence.expected_calibration_error(evaluation),
        "rejection": None if rejects is None else dataclasses.asdict(rejects),
    }
