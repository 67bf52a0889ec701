"""`ktp run-spec`: a compiled pipeline run here, before a cluster gets it."""

import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console

from pipeline.commands.key_values import key_values
from pipeline.errors import SettingError
from pipeline.run.progress import in_markup
from pipeline.spec_run.backends import Backend, PodmanBackend, SubprocessBackend
from pipeline.spec_run.compiled import CompiledPipeline
from pipeline.spec_run.launcher import Mode
from pipeline.spec_run.run import SpecRun, TaskRun

_BACKENDS = ("subprocess", "podman")


@click.command("run-spec")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--backend",
    "backend_name",
    type=click.Choice(_BACKENDS),
    default="subprocess",
    show_default=True,
    help="Processes of this installation, or containers of the file's image.",
)
@click.option(
    "--output",
    "root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs/spec"),
    show_default=True,
    help="Keeps artifacts, logs and the cache.",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="KEY=VALUE",
    callback=key_values,
    help="A runtime parameter, such as data=reviews.csv.",
)
@click.option(
    "--as",
    "mode",
    type=click.Choice([mode.value for mode in Mode]),
    help="Whose inputs the steps get.  [default: kubeflow for .yaml, vertex for .json]",
)
@click.option(
    "--volume",
    "volumes",
    multiple=True,
    metavar="NAME=FOLDER",
    callback=key_values,
    help="A folder that stands for a volume claim; podman only.",
)
@click.option(
    "--until",
    multiple=True,
    metavar="TASK",
    help="Run this task and what it needs, and no more.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--retries", type=click.IntRange(0, 10), default=0, show_default=True)
@click.option("--cache/--no-cache", "uses_cache", default=True, show_default=True)
def run_spec(
    spec: Path,
    backend_name: str,
    root: Path,
    parameters: dict[str, str],
    mode: str | None,
    volumes: dict[str, str],
    until: Sequence[str],
    jobs: int,
    retries: int,
    uses_cache: bool,
) -> None:
    """Run the compiled pipeline SPEC on this machine, task by task.

    Every task gets what the cluster's orchestrator would give it, in a process or a
    container of its own.
    """
    started = time.monotonic()
    compiled = CompiledPipeline.load(spec)
    if until:
        compiled = compiled.up_to(until)
    root = root.absolute()
    root.mkdir(parents=True, exist_ok=True)
    plan = SpecRun(
        compiled=compiled,
        backend=_backend(backend_name, compiled, root, volumes),
        root=root,
        mode=Mode(mode or ("vertex" if spec.suffix == ".json" else "kubeflow")),
        parameters=compiled.values(parameters),
        jobs=jobs,
        retries=retries,
        uses_cache=uses_cache,
    )
    console = Console(highlight=False)
    console.print(
        f"[bold]{in_markup(compiled.name)}[/]: {len(compiled.tasks)} tasks as "
        f"{plan.mode.value} starts them, {backend_name}",
        soft_wrap=True,
    )
    with _Display(console) as display:
        runs = plan.run(told=display.ended, started=display.started)
    for line in _pushed(runs):
        console.print(line, soft_wrap=True)
    console.print(
        f"Done in {time.monotonic() - started:.0f} s; logs and artifacts: "
        f"{in_markup(root)}",
        soft_wrap=True,
    )


def _backend(
    name: str, compiled: CompiledPipeline, root: Path, volumes: dict[str, str]
) -> Backend:
    if name == "podman":
        folders = {key: Path(value) for key, value in volumes.items()}
        return PodmanBackend.of(compiled, root, folders)
    if volumes:
        raise SettingError(
            "--volume is for --backend podman; a process sees this machine's paths: "
            "name them with --parameter."
        )
    return SubprocessBackend()


class _Display:
    """A line per task that has ended and, on a terminal, the names of those at work."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: set[str] = set()
        self._status = console.status("")

    def __enter__(self) -> "_Display":
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def started(self, name: str) -> None:
        self._running |= {name}
        self._update()

    def ended(self, run: TaskRun) -> None:
        self._running -= {run.name}
        self._console.print(_line(run))
        self._update()

    def _update(self) -> None:
        self._status.update(in_markup(", ".join(sorted(self._running))))


def _line(run: TaskRun) -> str:
    remarks = ["from the cache"] if run.is_cached else []
    if run.attempts > 1:
        remarks.append(f"attempt {run.attempts}")
    told = ", ".join(remarks)
    return f"  [green]✓[/] {run.name:<24}{run.seconds:7.1f} s  [dim]{told}[/]"


def _pushed(runs: dict[str, TaskRun]) -> list[str]:
    """Says where the models went, or that they went nowhere."""
    lines = []
    for run in runs.values():
        for name, artifact in run.made["artifacts"].items():
            metadata = artifact.get("metadata", {})
            if metadata.get("pushed_destination"):
                place = in_markup(metadata["pushed_destination"])
                lines.append(f"  {name} → [bold]{place}[/]")
            elif metadata.get("pushed") == 0:
                lines.append(f"  [yellow]{name}: not pushed[/], a check refused it")
    return lines
