"""Asks a TFLite model about texts."""

from __future__ import annotations

import bisect
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import contract, runtime
from .errors import ModelFileError
from .model_file import read_model_file
from .prediction import Prediction
from .tokenizer import Tokenizer


class EdgeClassifier:
    """A TFLite model with its tokeniser and labels. Not for several threads at once.

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
        self.labels = file.labels
        self.runtime = runtime.find_runtime()
        self._interpreter = _open(self.runtime, os.fspath(path), num_threads)
        self._runners = _runners(self._interpreter, os.fspath(path), len(self.labels))
        self.lengths = tuple(self._runners)
        longest = min(file.tokenizer.max_sequence_length, self.lengths[-1])
        self._tokenize = Tokenizer(
            file.vocabulary,
            dataclasses.replace(file.tokenizer, max_sequence_length=longest),
        )

    def classify(self, texts: Sequence[str]) -> list[Prediction]:
        """Gives one prediction per text, each with all labels, best first."""
        return [self._prediction(row) for row in self.scores(texts)]

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Gives probabilities, float32 `[B, C]`, in the order of `labels`."""
        return self.score_token_ids([self._tokenize(text) for text in texts])

    def score_token_ids(self, token_ids: Sequence[Sequence[int]]) -> np.ndarray:
        """Like `scores`, for texts that are tokenised already; without padding.

        Raises:
            ValueError: a row has more ids than the longest signature.
        """
        rows = [self._score(row) for row in token_ids]
        return np.array(rows, np.float32).reshape(len(rows), len(self.labels))

    def _score(self, token_ids: Sequence[int]) -> np.ndarray:
        if len(token_ids) > self.lengths[-1]:
            raise ValueError(
                f"{len(token_ids)} token ids are too many: this model takes "
                f"{self.lengths[-1]} at most."
            )
        length = self.lengths[bisect.bisect_left(self.lengths, len(token_ids))]
        padded = np.full((1, length), contract.PAD_ID, np.int32)
        padded[0, : len(token_ids)] = token_ids
        answer = self._runners[length](**{contract.TOKEN_IDS: padded})
        return answer[contract.SCORES][0].copy()

    def _prediction(self, scores: np.ndarray) -> Prediction:
        order = np.argsort(-scores, kind="stable")
        labels = tuple(self.labels[index] for index in order)
        values = tuple(float(scores[index]) for index in order)
        return Prediction(labels[0], values[0], labels, values)


def _open(package: str, path: str, num_threads: int) -> Any:
    try:
        return runtime.make_interpreter(
            package, model_path=path, num_threads=num_threads
        )
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"{path}: {package} cannot load this model: {error}"
        ) from error


def _runners(interpreter: Any, path: str, num_classes: int) -> dict[int, Any]:
    """The signatures by the number of tokens they take, ascending.

    Which signature takes how many is read from their shapes, not from their names.
    """
    runners: dict[int, Any] = {}
    expected = {"inputs": [contract.TOKEN_IDS], "outputs": [contract.SCORES]}
    for key, names in interpreter.get_signature_list().items():
        if names != expected:
            continue
        runner = interpreter.get_signature_runner(key)
        columns = runner.get_output_details()[contract.SCORES]["shape"][-1]
        if columns != num_classes:
            raise ModelFileError(
                f"{path}: {num_classes} labels for {columns} scores; the labels belong "
                "to another model."
            )
        shape = runner.get_input_details()[contract.TOKEN_IDS]["shape"]
        runners[int(shape[-1])] = runner
    if not runners:
        raise ModelFileError(
            f"{path} has no signature from {contract.TOKEN_IDS} to {contract.SCORES}; "
            "it is not one that `ktp run` made."
        )
    return dict(sorted(runners.items()))
