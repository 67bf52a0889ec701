"""Scores many texts: `python -m serving.edge MODEL INPUT --output scores.npy`.

EdgeExporter runs this in a process of its own, as a device would, and compares the
scores with the server's.
"""

import json
import pathlib
import time
from collections.abc import Callable, Iterable
from typing import Any

import click
import numpy as np

from model import contract
from serving.edge.classifier import EdgeClassifier
from serving.edge.errors import EdgeError


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("model", type=click.Path())
@click.argument("rows", metavar="INPUT", type=click.Path(exists=True, dir_okay=False))
@click.option("--output", required=True, help="Gets the scores: .npy, float32 [B, C].")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(min=1))
def main(model: str, rows: str, output: str, threads: int) -> None:
    """Score every row of INPUT with the file MODEL and print one JSON object.

    INPUT is JSON Lines, a text or {"text": ...} per line, or .npz with token_ids int32
    [B, T], padded with 0.
    """
    try:
        started = time.perf_counter()
        classifier = EdgeClassifier(model, num_threads=threads)
        load_ms = 1000 * (time.perf_counter() - started)
    except EdgeError as error:
        raise click.ClickException(str(error)) from error
    if rows.endswith(".npz"):
        parts, latency_ms = _timed(classifier.score_token_ids, _token_ids(rows))
    else:
        parts, latency_ms = _timed(classifier.scores, _texts(rows))
    scores = np.concatenate([np.zeros((0, len(classifier.labels)), np.float32), *parts])
    np.save(output, scores)
    summary = {
        "runtime": classifier.runtime,
        "rows": len(scores),
        "threads": threads,
        "load_ms": round(load_ms, 3),
        "latency_p50_ms": _percentile(latency_ms, 50),
        "latency_p99_ms": _percentile(latency_ms, 99),
    }
    click.echo(json.dumps(summary))


def _timed(
    score: Callable[[list[Any]], np.ndarray], rows: Iterable[Any]
) -> tuple[list[np.ndarray], list[float]]:
    """Scores row by row, as a device gets them, and times each."""
    parts, latency_ms = [], []
    for row in rows:
        started = time.perf_counter()
        parts.append(score([row]))
        latency_ms.append(1000 * (time.perf_counter() - started))
    return parts, latency_ms


def _texts(path: str) -> list[str]:
    lines = pathlib.Path(path).read_text("utf-8").split("\n")
    rows = [json.loads(line) for line in lines if line]
    return [row if isinstance(row, str) else row[contract.TEXT] for row in rows]


def _token_ids(path: str) -> list[np.ndarray]:
    with np.load(path) as arrays:
        padded = arrays[contract.TOKEN_IDS]
    return [row[: np.count_nonzero(row)] for row in padded]


def _percentile(values: list[float], q: int) -> float | None:
    return round(float(np.percentile(values, q)), 3) if values else None


if __name__ == "__main__":
    main()
