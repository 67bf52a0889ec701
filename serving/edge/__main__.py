"""Scores many texts: `python -m serving.edge MODEL INPUT --output scores.npy`.

EdgeExporter runs this in a process of its own, as a device would, and compares the
scores with the server's.
"""

from __future__ import annotations

import argparse
import codecs
import json
import pathlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from . import contract
from .classifier import EdgeClassifier
from .errors import EdgeError, TextError
from .rows import checked_texts

_DESCRIPTION = (
    "Score every row of INPUT with the file MODEL and print one JSON object. INPUT is "
    'JSON Lines, a text or {"text": ...} per line, or .npz with token_ids int32 '
    "[B, T], padded with 0."
)
_A_LINE = f'a line is a JSON string or {{"{contract.TEXT}": ...}}, without line breaks.'


def main(arguments: Sequence[str] | None = None) -> int:
    """Scores the rows of a file; gives the exit code."""
    options = _options(arguments)
    try:
        summary = _score_file(options)
    except (EdgeError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(summary))
    return 0


def _score_file(options: argparse.Namespace) -> dict[str, Any]:
    """Writes the scores, and gives what is printed about them."""
    started = time.perf_counter()
    classifier = EdgeClassifier(options.model, num_threads=options.threads)
    load_ms = 1000 * (time.perf_counter() - started)
    if options.rows.endswith(".npz"):
        parts, latency_ms = _timed(classifier.score_token_ids, _token_ids(options.rows))
    else:
        parts, latency_ms = _timed(classifier.scores, _texts(options.rows))
    scores = np.concatenate([np.zeros((0, len(classifier.labels)), np.float32), *parts])
    # Opened here: numpy appends .npy to other names.
    with open(options.output, "wb") as output:
        np.save(output, scores)
    return {
        "runtime": classifier.runtime,
        "labels": classifier.labels,
        "rows": len(scores),
        "threads": options.threads,
        "load_ms": round(load_ms, 3),
        "latency_p50_ms": _percentile(latency_ms, 50),
        "latency_p99_ms": _percentile(latency_ms, 99),
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}", description=_DESCRIPTION
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("rows", metavar="INPUT")
    parser.add_argument(
        "--output", required=True, help="Gets the scores: .npy, float32 [B, C]."
    )
    parser.add_argument(
        "--threads", type=_positive, default=1, help="Default: %(default)s."
    )
    options = parser.parse_args(arguments)
    if not pathlib.Path(options.rows).is_file():
        parser.error(f"INPUT {options.rows!r} is no file.")
    if not pathlib.Path(options.output).absolute().parent.is_dir():
        parser.error(f"There is no folder for --output {options.output!r}.")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number}; it must be 1 or more")
    return number


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
    lines = pathlib.Path(path).read_bytes().removeprefix(codecs.BOM_UTF8).split(b"\n")
    numbered = enumerate(lines, 1)
    return [_text(line, f"{path}, line {i}") for i, line in numbered if line.strip()]


def _text(line: bytes, place: str) -> str:
    """Reads one line. An error says where, and never what the line says."""
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise TextError(f"{place}: not UTF-8; convert the file to it.") from None
    except ValueError:
        raise TextError(f"{place}: no JSON; {_A_LINE}") from None
    text = row.get(contract.TEXT) if isinstance(row, dict) else row
    if not isinstance(text, str):
        raise TextError(f"{place}: no text, but a {type(text).__name__}; {_A_LINE}")
    try:
        return checked_texts([text])[0]
    except TextError as error:
        raise TextError(f"{place}: {error}") from None


def _token_ids(path: str) -> list[np.ndarray]:
    with np.load(path) as arrays:
        padded = arrays[contract.TOKEN_IDS]
    return [row[: np.count_nonzero(row)] for row in padded]


def _percentile(values: list[float], q: int) -> float | None:
    return round(float(np.percentile(values, q)), 3) if values else None


if __name__ == "__main__":
    sys.exit(main())
