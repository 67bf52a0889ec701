"""ModelServerValidator: does the model load, warm up and answer in a real server?

It starts the server that production uses, or the embedded one where there is none, on
a version folder laid out as Pusher does, asks it over gRPC and REST, and compares the
answers with the exported SavedModel's own.
"""

import dataclasses
import shutil
import tempfile
from pathlib import Path

import numpy as np
from tfx import v1 as tfx
from tfx.utils import io_utils, path_utils

from components.artifacts import (
    Predictions,
    ServerReport,
    bless,
    read_json,
    write_json,
)
from components.predictions import ScoredRows
from model import contract
from serving.client import Client
from serving.client.errors import ServingError
from serving.client.prediction import Prediction
from serving.launch import EngineError, ServerStartError, start_server

_REPORT_FILE = "server.json"
_READY_TIMEOUT_S = 180.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Verdict:
    """How the server answered.

    `max_score_difference` is over both transports; `wrong_labels` counts answers
    whose best label differs although its score leads by more than the tolerance.
    """

    blessed: bool
    engine: str = ""
    rows: int = 0
    wrong_labels: int = 0
    max_score_difference: float = 0.0
    reason: str = ""


@tfx.dsl.components.component
def ModelServerValidator(
    model: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Model],
    predictions: tfx.dsl.components.InputArtifact[Predictions],
    blessing: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ],
    report: tfx.dsl.components.OutputArtifact[ServerReport],
    rows: tfx.dsl.components.Parameter[int],
    max_score_difference: tfx.dsl.components.Parameter[float],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Blesses or refuses `model`, and writes the `Verdict`."""
    del code_fingerprint  # Only makes the cache see a change of the code.
    verdict = validate(
        path_utils.serving_model_path(model.uri),
        sample(ScoredRows.load(predictions.uri), rows),
        max_score_difference,
    )
    bless(blessing, verdict.blessed)
    write_json(report.uri, _REPORT_FILE, dataclasses.asdict(verdict))


def read_report(uri: str) -> Verdict:
    """Reads the `Verdict` in a `ServerReport`."""
    return Verdict(**read_json(uri, _REPORT_FILE))


def sample(rows: ScoredRows, count: int) -> ScoredRows:
    """Takes `count` rows spread evenly, so that every length of text is among them."""
    count = min(count, len(rows.texts))
    chosen = np.linspace(0, len(rows.texts) - 1, count).round().astype(int)
    return ScoredRows(
        texts=[rows.texts[i] for i in chosen],
        true_labels=[rows.true_labels[i] for i in chosen],
        labels=rows.labels,
        scores=rows.scores[chosen],
    )


def validate(export_dir: str, expected: ScoredRows, tolerance: float) -> Verdict:
    """Serves a SavedModel and compares its answers over gRPC and REST.

    A server that does not come up, or an error in an answer, refuses the model; the
    reason is in the verdict.
    """
    folder = Path(tempfile.mkdtemp(prefix="model-server-"))
    try:
        io_utils.copy_dir(export_dir, str(folder / "models" / "1"))
        answers, engine = _ask(folder, expected.texts)
    except (ServerStartError, ServingError, EngineError, ValueError, OSError) as error:
        return Verdict(blessed=False, reason=f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return compare(answers, expected, tolerance, engine)


def _ask(folder: Path, texts: list[str]) -> tuple[list[Prediction], str]:
    """Answers over gRPC, then the same over REST."""
    with start_server(
        folder / "models", model_name=contract.MODEL_NAME, log_dir=folder / "log"
    ) as server:
        server.wait_until_ready(_READY_TIMEOUT_S)
        answers: list[Prediction] = []
        for transport, endpoint in (
            ("grpc", server.grpc_endpoint),
            ("rest", server.rest_endpoint),
        ):
            with Client(endpoint, transport=transport) as client:
                answers += client.classify(texts)
        return answers, str(server.engine)


def compare(
    answers: list[Prediction], expected: ScoredRows, tolerance: float, engine: str
) -> Verdict:
    """Holds two rounds of answers against the expected scores."""
    position = {label: index for index, label in enumerate(expected.labels)}
    scores = np.concatenate([expected.scores, expected.scores])
    difference, wrong = 0.0, 0
    for answer, row in zip(answers, scores, strict=True):
        known = np.array([row[position[label]] for label in answer.labels])
        difference = max(difference, float(np.abs(known - answer.scores).max()))
        wrong += int(row.max() - row[position[answer.label]] > tolerance)
    blessed = difference <= tolerance and not wrong
    reason = (
        f"scores differ by up to {difference:.2g} (allowed {tolerance:.2g}), "
        f"{wrong} labels differ"
    )
    return Verdict(
        blessed=blessed,
        engine=engine,
        rows=len(expected.texts),
        wrong_labels=wrong,
        max_score_difference=difference,
        reason="" if blessed else reason,
    )
