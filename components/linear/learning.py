"""What is counted in texts, and how a linear machine learns labels from it.

scikit-learn is imported on first use: it comes with TFX and costs a second.
"""

import collections
import dataclasses
import operator
import random
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

C_GRID = (0.1, 0.3, 1.0, 3.0)
"""On six data sets validation chose 0.3 once, 3 once, and else 1."""
MAX_TEXT_CHARACTERS = 2_000
MAX_CHARACTERS = 5_000_000
MAX_LABELLED_CHARACTERS = 200_000_000
"""Characters times labels: every label has a fit of its own."""
MAX_COEFFICIENTS = 20_000_000
"""Features times labels; 8 bytes each, for every C."""
_FITS_AT_ONCE = 2
_FEWEST_ROWS = 1_000

Rows = Sequence[tuple[str, str]]
Answer = Callable[[Sequence[str]], Sequence[str]]
"""Texts to labels."""


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
class Learnt:
    """What answers, the C that validation chose, and what to say about it."""

    answer: Answer
    c: float | None = None
    features: int = 0
    notes: tuple[str, ...] = ()


def learn(train: Rows, validation: Rows) -> Learnt:
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
    return Learnt(
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


def most_frequent(train: Rows, reason: str) -> Learnt:
    """Gives the model that always says the most frequent label, because of `reason`."""
    counts = collections.Counter(label for _, label in train)
    label = min(counts, key=lambda label: (-counts[label], label), default="")
    told = f"the linear model learnt nothing ({reason}): it always says {label!r}"
    return Learnt(answer=lambda texts: [label] * len(texts), notes=(told,))
