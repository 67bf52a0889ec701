"""`make demo`: the whole job on the bundled data, by the commands a person would type.

Run, serve, ask over gRPC and REST, ask the device file in an environment without
TensorFlow, and one closing table.
"""

import contextlib
import json
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from model import contract
from pipeline.errors import RunError

_ROOT = Path(__file__).parent.parent
_DATA = _ROOT / "data" / "velora"
_KTP = str(Path(sys.executable).with_name("ktp"))
_SERVER_START_S = 120.0
_DEVICE_FILES = {"TFLite": contract.FLOAT32_TFLITE, "int8": contract.INT8_TFLITE}
_NUMBERS = {3: "three", 4: "four"}
_TEXTS = (
    "scanned the QR code three times and the scooter still wont unlock",
    "why was I charged twice for the ride on Monday?",
    "left my backpack in the basket of a bike near the opera 😩",
    "how much is a monthly pass for students",
    "what's a good recipe for lentil soup?",
)


@click.command()
@click.option("--edge-python", required=True, type=click.Path(path_type=Path))
@click.option("--output", default="runs/velora", type=click.Path(path_type=Path))
@click.option("--preset", default="tiny", show_default=True)
def main(edge_python: Path, output: Path, preset: str) -> None:
    """Run the whole job; `--edge-python` is an interpreter without TensorFlow."""
    started = time.monotonic()
    console = Console(highlight=False)
    summary = _run(console, output, preset)
    answers: dict[str, list[dict[str, Any]]] = {}
    with _served(console, output) as (grpc_port, rest_port):
        for name, options in (
            ("gRPC", ["--endpoint", f"localhost:{grpc_port}"]),
            ("REST", ["--rest", "--endpoint", f"localhost:{rest_port}"]),
        ):
            command = [_KTP, "predict", *options, "--json"]
            answers[name] = _ask(console, f"Ask over {name}", command)
    device_files = Path(summary["tflite"]).parent
    edge_ktp = str(edge_python.with_name("ktp").absolute())
    for name, file in _DEVICE_FILES.items():
        if not (device_files / file).exists():
            continue  # It disagreed with the SavedModel, and the run has said so.
        command = [edge_ktp, "edge", "predict", str(device_files / file), "--json"]
        answers[name] = _ask(console, f"Ask {file}, without TensorFlow", command)
    _close(console, summary, answers, time.monotonic() - started)


def _run(console: Console, output: Path, preset: str) -> dict[str, Any]:
    command = [_KTP, "run", "--data", str(_DATA), "--output", str(output)]
    command += ["--preset", preset, "--json"]
    _show(console, "Train, check, export and push", command)
    finished = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if finished.returncode:
        raise SystemExit(finished.returncode)  # It has said why.
    return json.loads(finished.stdout.splitlines()[-1])


@contextlib.contextmanager
def _served(console: Console, output: Path) -> Iterator[tuple[int, int]]:
    """A server of the run's models, as long as the block lasts."""
    grpc_port, rest_port = _free_ports()
    command = [_KTP, "serve", str(output), "--port", str(grpc_port)]
    command += ["--rest-api-port", str(rest_port)]
    _show(console, "Serve", command)
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        _wait_until_ready(console, server, rest_port)
        yield grpc_port, rest_port
    finally:
        server.terminate()
        server.wait()


def _wait_until_ready(
    console: Console, server: subprocess.Popen[str], rest_port: int
) -> None:
    deadline = time.monotonic() + _SERVER_START_S
    with console.status("waiting for the server"):
        while time.monotonic() < deadline and server.poll() is None:
            probe = [_KTP, "predict", "--rest", "--endpoint", f"localhost:{rest_port}"]
            finished = subprocess.run(
                [*probe, "hello"], capture_output=True, check=False
            )
            if finished.returncode == 0:
                return
            time.sleep(0.5)
    raise RunError("The server did not become ready; what it printed is above.")


def _ask(console: Console, what: str, command: Sequence[str]) -> list[dict[str, Any]]:
    _show(console, what, [*command, _TEXTS[0], "…"])
    finished = subprocess.run(
        [*command, *_TEXTS], stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in finished.stdout.splitlines()]


def _show(console: Console, what: str, command: Sequence[str]) -> None:
    words = [str(word).removeprefix(f"{_ROOT}/") for word in command]
    console.print(f"\n[bold]{what}[/]\n  [dim]$ {shlex.join(words)}[/]", soft_wrap=True)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _close(
    console: Console,
    summary: dict[str, Any],
    answers: dict[str, list[dict[str, Any]]],
    wall_s: float,
) -> None:
    ways = _NUMBERS[len(answers)]
    table = Table(title=f"The same texts, asked {ways} ways", box=None)
    table.add_column("text", no_wrap=True, max_width=26)
    table.add_column("label", no_wrap=True)
    for name in answers:
        table.add_column(name, no_wrap=True)
    for row, text in enumerate(_TEXTS):
        given = [answers[name][row] for name in answers]
        labels = dict.fromkeys(answer["label"] for answer in given)
        scores = [f"{answer['score']:.4f}" for answer in given]
        table.add_row(text, " / ".join(labels), *scores)
    console.print()
    console.print(table)
    console.print(
        f"test accuracy {summary['test_accuracy']:.1%}, training "
        f"{summary['train_s']:.0f} s, this demo {wall_s:.0f} s\n"
        f"linear model  {summary['linear_accuracy']:.1%}, training "
        f"{summary['linear_s']:.0f} s\n"
        f"report  {summary['report']}",
        soft_wrap=True,
    )
    told = {name: [row["label"] for row in rows] for name, rows in answers.items()}
    if len({tuple(labels) for labels in told.values()}) > 1:
        raise RunError(f"The {ways} ways disagree: {told}")


if __name__ == "__main__":
    try:
        main()
    except RunError as failed:
        click.echo(f"Error: {failed}", err=True)
        sys.exit(1)
