"""EdgeExporter: the device files of a trained model, each proven in a device runtime.

Some files load in an old runtime and compute garbage, so what counts is the numbers:
every row of the test split goes through every file, in a process without TensorFlow.
"""

import contextlib
import dataclasses
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
from tfx import v1 as tfx
from tfx.utils import path_utils

from components.artifacts import (
    DeviceReport,
    Predictions,
    Vocabulary,
    bless,
    read_json,
    write_json,
)
from components.predictions import ScoredRows
from components.vocabulary_gen import read_labels, read_lines
from model import contract
from model.export import tflite, trained
from model.training.reliability import calibration_error
from serving.launch import child
from serving.launch.own_module import python_command

_REPORT_FILE = "device.json"
_VARIANTS = {contract.FLOAT32_TFLITE: False, contract.INT8_TFLITE: True}
"""File name -> whether its weights are int8."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceFile:
    """One file, measured in one runtime.

    `agreement` is the share of rows with the SavedModel's label;
    `max_score_difference` the largest distance from one of its scores;
    `calibration_error` says whether the temperature holds for this file.
    """

    name: str
    size_bytes: int
    runtime: str
    latency_p50_ms: float
    latency_p99_ms: float
    accuracy: float
    agreement: float
    max_score_difference: float
    calibration_error: float | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bounds:
    """What a file must keep, of the SavedModel's labels and of its scores."""

    min_agreement: float
    max_score_difference: float

    def let_pass(self, file: DeviceFile) -> bool:
        """Says whether the file keeps both."""
        return (
            file.agreement >= self.min_agreement
            and file.max_score_difference <= self.max_score_difference
        )


@tfx.dsl.components.component
def EdgeExporter(
    model_run: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.ModelRun],
    vocabulary: tfx.dsl.components.InputArtifact[Vocabulary],
    predictions: tfx.dsl.components.InputArtifact[Predictions],
    edge_model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
    blessing: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ],
    report: tfx.dsl.components.OutputArtifact[DeviceReport],
    min_agreement: tfx.dsl.components.Parameter[float],
    max_score_difference: tfx.dsl.components.Parameter[float],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Writes the device files and a `DeviceReport`; blesses or refuses them.

    A file that does not agree with the SavedModel is left out; the float32 file must.
    """
    del code_fingerprint  # Only makes the cache see a change of the code.
    bounds = Bounds(
        min_agreement=min_agreement, max_score_difference=max_score_difference
    )
    files = export(
        model_run_dir=model_run.uri,
        vocabulary_dir=vocabulary.uri,
        expected=ScoredRows.load(predictions.uri),
        output_dir=path_utils.serving_model_dir(edge_model.uri),
        bounds=bounds,
    )
    bless(blessing, bounds.let_pass(files[0]))
    variants = [dataclasses.asdict(file) for file in files]
    write_json(report.uri, _REPORT_FILE, {"variants": variants})


def read_report(uri: str) -> list[DeviceFile]:
    """Reads every `DeviceFile` in a `DeviceReport`, the float32 file first."""
    return [DeviceFile(**file) for file in read_json(uri, _REPORT_FILE)["variants"]]


def export(
    *,
    model_run_dir: str,
    vocabulary_dir: str,
    expected: ScoredRows,
    output_dir: str,
    bounds: Bounds,
) -> list[DeviceFile]:
    """Converts, packs and measures; the files that agree are in `output_dir` then.

    While one file is being measured, the next is being converted.

    Returns:
        What was measured, of every file, the float32 file first.

    Raises:
        RuntimeError: A file does not run in the device runtime.
    """
    classifier = trained.load(model_run_dir)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as running:
        scratch = Path(folder)
        rows_path = scratch / "rows.jsonl"
        rows_path.write_text("".join(json.dumps(t) + "\n" for t in expected.texts))
        measurements = []
        for name, quantize in _VARIANTS.items():
            packed = _packed(classifier, model_run_dir, vocabulary_dir, quantize)
            (scratch / name).write_bytes(packed)
            measurement = _Measurement(scratch / name, rows_path)
            measurements.append(running.enter_context(measurement))
        files = [measurement.finish(expected) for measurement in measurements]
        tf.io.gfile.makedirs(output_dir)
        for file in files:
            if bounds.let_pass(file):
                target = os.path.join(output_dir, file.name)
                tf.io.gfile.copy(str(scratch / file.name), target)
    return files


def _packed(
    classifier: keras.Model, model_run_dir: str, vocabulary_dir: str, quantize: bool
) -> bytes:
    config = contract.TokenizerConfig.from_json(
        read_lines(vocabulary_dir, contract.TOKENIZER_FILE)[0]
    )
    lengths = tflite.length_buckets(config.max_sequence_length)
    return tflite.pack(
        tflite.convert(classifier, lengths=lengths, quantize=quantize),
        vocabulary=read_lines(vocabulary_dir, contract.VOCABULARY_FILE),
        labels=read_labels(vocabulary_dir),
        tokenizer_config=config,
        rejection=_rejection(model_run_dir),
    )


def _rejection(model_run_dir: str) -> contract.Rejection | None:
    """Reads when the trained model rejects; None of one that never does."""
    if not tf.io.gfile.exists(os.path.join(model_run_dir, contract.REJECTION_FILE)):
        return None
    (line,) = read_lines(model_run_dir, contract.REJECTION_FILE)
    return contract.Rejection.from_json(line)


class _Measurement:
    """A run of `python -m serving.edge`, which imports no TensorFlow.

    It is ended with the `with` block, and by Linux should this process be killed.
    """

    def __init__(self, path: Path, rows_path: Path) -> None:
        self._path = path
        self._scores_path = path.with_suffix(".npy")
        command = python_command(
            *("serving.edge", str(path), str(rows_path)),
            *("--output", str(self._scores_path)),
        )
        self._process = subprocess.Popen(
            child.dying_with_us(command),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            self._process.communicate()

    def finish(self, expected: ScoredRows) -> DeviceFile:
        """Waits, and compares with the SavedModel's scores."""
        answer, complaint = self._process.communicate()
        if self._process.returncode:
            # Its last line says what happened, the rest how; the log has both.
            reason = complaint.strip().rpartition("\n")[2] or "no word said"
            raise RuntimeError(
                f"{self._path.name} does not run in the device runtime: {reason} "
                f"(exit status {self._process.returncode})\n{complaint.strip()}"
            )
        return compare(
            self._path, np.load(self._scores_path), expected, json.loads(answer)
        )


def compare(
    path: Path, scores: np.ndarray, expected: ScoredRows, measured: dict[str, Any]
) -> DeviceFile:
    """Holds a device file's scores `[N, C]` against the SavedModel's, label by label.

    Raises:
        RuntimeError: The file has other labels.
    """
    labels = measured["labels"]
    if sorted(labels) != sorted(expected.labels):
        raise RuntimeError(
            f"{path.name} has the labels {', '.join(labels)}; the SavedModel has "
            f"{', '.join(expected.labels)}."
        )
    # A device answers with names: in another order they would be others.
    scores = scores[:, [labels.index(label) for label in expected.labels]]
    best = scores.argmax(axis=1)
    return DeviceFile(
        name=path.name,
        size_bytes=path.stat().st_size,
        runtime=measured["runtime"],
        latency_p50_ms=measured["latency_p50_ms"],
        latency_p99_ms=measured["latency_p99_ms"],
        accuracy=float((best == expected.true_ids).mean()),
        agreement=float((best == expected.predicted_ids).mean()),
        max_score_difference=float(np.abs(scores - expected.scores).max()),
        calibration_error=calibration_error(
            scores.max(axis=1), best == expected.true_ids
        ),
    )
