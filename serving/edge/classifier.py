"""Asks a TFLite model about texts."""

from __future__ import annotations

import bisect
import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from . import contract, runtime
from .interpreter import Interpreter
from .model_file import read_model_file
from .prediction import Prediction
from .rows import checked_texts, listed
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    from typing import Self  # Python 3.11


class EdgeClassifier:
    """A TFLite model with its tokeniser and labels.

    Threads may share it: one at a time computes, so more threads are not faster; give
    each a classifier of its own where they should be. It survives a fork, and pickling
    it sends the path: the receiver opens the file.

    Args:
        path: a .tflite file that carries its vocabulary and labels, or has them beside
            it.
        num_threads: more than one pays off only while the other cores are idle;
            tflite-runtime waits by spinning. Measure before you raise it.

    Attributes:
        labels: C names; `scores` has one column for each, in this order.
        lengths: numbers of tokens there is a signature for, ascending.
        runtime: the package that computes.

    Raises:
        ModelFileError: the file is missing, damaged, or not one of ours.
        RuntimeMissingError: no TFLite runtime is installed.
    """

    def __init__(self, path: str | os.PathLike[str], num_threads: int = 1) -> None:
        file = read_model_file(path)
        self._path, self._num_threads = os.path.abspath(path), num_threads
        self.labels = file.labels
        self._rejection = file.rejection
        self.runtime = runtime.find_runtime()
        self._interpreter = Interpreter(
            self.runtime,
            os.fspath(path),
            file.content,
            num_threads=num_threads,
            num_classes=len(self.labels),
        )
        self.lengths = self._interpreter.lengths
        self._vocabulary_size = len(file.vocabulary)
        longest = min(file.tokenizer.max_sequence_length, self.lengths[-1])
        self._tokenize = Tokenizer(
            file.vocabulary,
            dataclasses.replace(file.tokenizer, max_sequence_length=longest),
        )

    def classify(self, texts: Iterable[str]) -> list[Prediction]:
        """Gives one prediction per text, each with all labels, best first.

        Raises:
            TypeError: `texts` is one string, or holds something else than strings.
            TextError: a text holds a lone surrogate.
            ClosedError: `close` was called.
        """
        rows = [self._tokenize(text) for text in checked_texts(texts)]
        return [self._prediction(row) for row in rows]

    def scores(self, texts: Iterable[str]) -> np.ndarray:
        """Gives probabilities, float32 `[B, C]`, in the order of `labels`.

        Raises as `classify` does.
        """
        rows = checked_texts(texts)
        return self._stacked([self._score(self._tokenize(text)) for text in rows])

    def score_token_ids(self, token_ids: Iterable[Sequence[int]]) -> np.ndarray:
        """Like `scores`, for texts that are tokenised already; without padding.

        Raises:
            TypeError: `token_ids` is one row, or a row is no list of integers.
            ValueError: a row has more ids than the longest signature, or one that is
                not in the vocabulary.
        """
        rows = listed(token_ids, "token_ids", "list of int")
        return self._stacked(
            [self._score(self._checked_ids(row, i)) for i, row in enumerate(rows)]
        )

    def close(self) -> None:
        """Frees the model; later calls raise `ClosedError`."""
        self._interpreter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[EdgeClassifier], tuple[str, int]]:
        return type(self), (self._path, self._num_threads)

    def _stacked(self, rows: list[np.ndarray]) -> np.ndarray:
        return np.array(rows, np.float32).reshape(len(rows), len(self.labels))

    def _checked_ids(self, row: Sequence[int], index: int) -> np.ndarray:
        ids = np.asarray(row)
        if ids.ndim != 1 or (len(ids) and ids.dtype.kind not in "iu"):
            raise TypeError(
                f"token_ids[{index}] must be a list of int; got "
                f"{type(row).__name__} of {ids.ndim} dimensions and type {ids.dtype}."
            )
        if len(ids) > self.lengths[-1]:
            raise ValueError(
                f"token_ids[{index}]: {len(ids)} token ids are too many: this model "
                f"takes {self.lengths[-1]} at most."
            )
        if len(ids) and not 0 <= ids.min() <= ids.max() < self._vocabulary_size:
            raise ValueError(
                f"token_ids[{index}] has ids from {ids.min()} to {ids.max()}; this "
                f"vocabulary's go from 0 to {self._vocabulary_size - 1}."
            )
        return ids

    def _score(self, token_ids: Sequence[int] | np.ndarray) -> np.ndarray:
        length = self.lengths[bisect.bisect_left(self.lengths, len(token_ids))]
        padded = np.full((1, length), contract.PAD_ID, np.int32)
        padded[0, : len(token_ids)] = token_ids
        return self._interpreter.scores(padded)

    def _prediction(self, token_ids: Sequence[int]) -> Prediction:
        scores = self._score(token_ids)
        order = np.argsort(-scores, kind="stable")
        labels = tuple(self.labels[index] for index in order)
        values = tuple(float(scores[index]) for index in order)
        is_unknown = self._tokenize.is_unknown(token_ids)
        is_rejected = self._rejection is not None and self._rejection.rejects(
            labels, values
        )
        return Prediction(labels[0], values[0], labels, values, is_unknown, is_rejected)
