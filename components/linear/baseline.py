"""LinearBaseline: what a linear model reaches on the same splits, in seconds.

TF-IDF of words and of characters, and a linear support vector machine: on a few
thousand texts hard to beat. It stands beside every result, so that nobody pays for a
Transformer that is no better. It never stops a run: where it can learn nothing, it is
the model that always gives the most frequent label, and says so.
"""

import collections
import dataclasses
import time
from collections.abc import Mapping

from tfx import v1 as tfx
from tfx.types import artifact_utils

from components import evaluation_metrics
from components.artifacts import (
    LinearReport,
    Predictions,
    bless,
    read_json,
    write_json,
)
from components.examples import read_rows
from components.linear import learning
from components.linear.learning import Answer, Rows
from components.predictions import ScoredRows
from model import contract

_REPORT_FILE = "linear.json"
_ANSWERED_ROWS = 10_000
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinearModel:
    """What the linear model reached on the test split.

    `seconds` are for learning and answering; `c` is the weight of mistakes that
    validation chose, None where nothing was learnt; `note` says what was left out of
    training, or why nothing was learnt.
    """

    accuracy: float
    macro_f1: float
    seconds: float
    c: float | None = None
    features: int = 0
    train_rows: int = 0
    note: str = ""

    def is_beaten(self, accuracy: float, min_gain: float) -> bool:
        """Whether `accuracy` is at least `min_gain` above this model's."""
        return accuracy >= self.accuracy + min_gain - _ROUNDING


@tfx.dsl.components.component
def LinearBaseline(
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    report: tfx.dsl.components.OutputArtifact[LinearReport],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Learns from the train split and writes a `LinearReport`; refuses nothing."""
    del code_fingerprint  # Only makes the cache see a change of the code.
    splits = {
        split: [
            (text.decode(), label.decode())
            for text, label in read_rows(
                artifact_utils.get_split_uri([examples], split)
            )
        ]
        for split in contract.SPLITS
    }
    found, _ = measure(splits)
    write_json(report.uri, _REPORT_FILE, dataclasses.asdict(found))


@tfx.dsl.components.component
def LinearGate(
    predictions: tfx.dsl.components.InputArtifact[Predictions],
    linear: tfx.dsl.components.InputArtifact[LinearReport],
    blessing: tfx.dsl.components.OutputArtifact[
        tfx.types.standard_artifacts.InfraBlessing
    ],
    min_gain: tfx.dsl.components.Parameter[float],
    code_fingerprint: tfx.dsl.components.Parameter[str],
) -> None:
    """Refuses a model whose test accuracy is not `min_gain` above the linear one's."""
    del code_fingerprint  # Only makes the cache see a change of the code.
    accuracy = ScoredRows.load(predictions.uri).accuracy
    bless(blessing, read_report(linear.uri).is_beaten(accuracy, min_gain))


def read_report(uri: str) -> LinearModel:
    """Reads what `LinearBaseline` measured."""
    return LinearModel(**read_json(uri, _REPORT_FILE))


def measure(
    splits: Mapping[str, Rows],
) -> tuple[LinearModel, evaluation_metrics.Pairs]:
    """Learns from the train split, chooses C on validation, answers the test split.

    The test rows never choose anything, and validation rows are not learnt from, as the
    Transformer does not learn from them either.

    Returns:
        What it reached, and how often it gave which answer to which true label.
    """
    started = time.perf_counter()
    train, notes = learning.bounded(splits[contract.TRAIN])
    try:
        found = learning.learn(train, splits[contract.VALIDATION])
    except (ValueError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        found = learning.most_frequent(splits[contract.TRAIN], reason)
    pairs = _pairs(found.answer, splits[contract.TEST])
    reached = LinearModel(
        accuracy=evaluation_metrics.accuracy_of(pairs),
        macro_f1=evaluation_metrics.macro_f1_of(pairs),
        seconds=round(time.perf_counter() - started, 3),
        c=found.c,
        features=found.features,
        train_rows=len(train),
        note="; ".join([*found.notes, *notes]),
    )
    return reached, pairs


def _pairs(answer: Answer, rows: Rows) -> evaluation_metrics.Pairs:
    """Counts (true, answered) labels, some rows at a time to bound the memory."""
    pairs: evaluation_metrics.Pairs = collections.Counter()
    for start in range(0, len(rows), _ANSWERED_ROWS):
        part = rows[start : start + _ANSWERED_ROWS]
        answers = answer([text for text, _ in part])
        pairs.update(
            (label, given) for (_, label), given in zip(part, answers, strict=True)
        )
    return pairs
