"""LinearBaseline: what a linear model reaches on the same splits, in seconds.

TF-IDF of words and of characters, and a linear support vector machine: on a few
thousand texts hard to beat. It stands beside every result, so that nobody pays for a
Transformer that is no better. It never stops a run: where it can learn nothing, it is
the model that always gives the most frequent label, and says so.
"""

import collections
import dataclasses
import operator
import random
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
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
from components.predictions import ScoredRows
from model import contract

C_GRID = (0.1, 0.3, 1.0, 3.0)
"""On six data sets validation chose 0.3 once, 3 once, and else 1."""
MAX_TEXT_CHARACTERS = 2_000
MAX_CHARACTERS = 5_000_000
MAX_LABELLED_CHARACTERS = 400_000_000
"""Characters times labels: every label has a fit of its own."""
MAX_COEFFICIENTS = 20_000_000
"""Features times labels; 8 bytes each, for every C."""
_REPORT_FILE = "linear.json"
_ANSWERED_ROWS = 10_000
_FITS_AT_ONCE = 2
_FEWEST_ROWS = 1_000
_ROUNDING = 1e-9

Rows = Sequence[tuple[str, str]]
Answer = Callable[[Sequence[str]], Sequence[str]]
"""Texts to labels."""


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
    train, notes = bounded(splits[contract.TRAIN])
    try:
        found = _learn(train, splits[contract.VALIDATION])
    except (ValueError, MemoryError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        found = _most_frequent(splits[contract.TRAIN], reason)
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


def bounded(rows: Rows) -> tuple[Rows, list[str]]:
    """Gives as many rows as are learnt from in bounded time and memory, and says so."""
    notes = []
    longest = max((len(text) for text, _ in rows), default=0)
    if longest > MAX_TEXT_CHARACTERS:
        rows = [(text[:MAX_TEXT_CHARACTERS], label) for text, label in rows]
        notes.append(f"texts were cut to {MAX_TEXT_CHARACTERS:,} characters")
    labels = len({label for _, label in rows})
    characters = sum(len(text) for text, _ in rows) or 1
    allowed = min(MAX_CHARACTERS, MAX_LABELLED_CHARACTERS // max(labels, 1))
    count = max(len(rows) * allowed // characters, _FEWEST_ROWS)
    if count < len(rows):
        chosen = sorted(random.Random(0).sample(range(len(rows)), count))
        notes.append(f"learnt from {count:,} of {len(rows):,} train rows, drawn by lot")
        rows = [rows[number] for number in chosen]
    return rows, notes


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Learnt:
    answer: Answer
    c: float | None = None
    features: int = 0
    notes: tuple[str, ...] = ()


def _learn(train: Rows, validation: Rows) -> _Learnt:
    """Fits once per C and takes the best on validation; of equals, the smaller C.

    Raises:
        ValueError: There is one label only, or no text has anything to count.
    """
    texts, labels = zip(*train, strict=True)
    names = sorted(set(labels))
    if len(names) < 2:
        raise ValueError("all train rows have one label")
    # Numbers: an array of texts gives each the room of the longest.
    ids = {name: number for number, name in enumerate(names)}
    features, inputs = _counted(texts, len(names))
    classes = [ids[label] for label in labels]
    held_out = features([text for text, _ in validation])
    wanted = [ids.get(label, -1) for _, label in validation]

    def fitted(c: float) -> tuple[float, Any]:
        model = _fit(inputs, classes, c)
        return model.score(held_out, wanted), model

    # It computes outside of Python's lock; each fit has a copy of the features.
    with ThreadPoolExecutor(_FITS_AT_ONCE) as pool:
        _, best = max(pool.map(fitted, C_GRID), key=operator.itemgetter(0))
    return _Learnt(
        answer=lambda texts: [names[n] for n in best.predict(features(texts))],
        c=best.C,
        features=inputs.shape[1],
    )


def _fit(inputs: Any, classes: Sequence[int], c: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    with warnings.catch_warnings():
        # Its steps are bounded so that its time is; a little short is as good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LinearSVC(C=c, random_state=0).fit(inputs, classes)


def _counted(texts: Sequence[str], num_labels: int) -> tuple[Callable[..., Any], Any]:
    """Learns which words and character sequences there are, and their weights.

    Returns:
        Texts to a sparse matrix, and that matrix of `texts`.

    Raises:
        ValueError: No text has any of either.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

    shared = {
        "sublinear_tf": True,
        "dtype": np.float32,
        "max_features": max(MAX_COEFFICIENTS // num_labels // 2, 1),
    }
    vectorizers, parts = [], []
    for settings in (
        {"ngram_range": (1, 2), "token_pattern": r"\w+"},
        {"ngram_range": (2, 5), "analyzer": "char_wb"},
    ):
        vectorizer = TfidfVectorizer(**shared, **settings)
        try:
            parts.append(vectorizer.fit_transform(texts))
        except ValueError:  # Emoji are no words, but they are characters.
            continue
        vectorizers.append(vectorizer)
    if not parts:
        raise ValueError("no train text has a word or two characters")

    def features(texts: Sequence[str]) -> Any:
        return sparse.hstack([v.transform(texts) for v in vectorizers], "csr")

    return features, sparse.hstack(parts, "csr")


def _most_frequent(train: Rows, reason: str) -> _Learnt:
    counts = collections.Counter(label for _, label in train)
    label = min(counts, key=lambda label: (-counts[label], label), default="")
    told = f"the linear model learnt nothing ({reason}): it always says {label!r}"
    return _Learnt(answer=lambda texts: [label] * len(texts), notes=(told,))


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
