"""What a model says of a labelled split, in a file that other nodes compare with."""

import dataclasses
import io
import os

import numpy as np
import tensorflow as tf

PREDICTIONS_FILE = "predictions.npz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoredRows:
    """N rows of text with their true label and the scores of C labels.

    `scores` is float32 `[N, C]`, columns in the order of `labels`.
    """

    texts: list[str]
    true_labels: list[str]
    labels: list[str]
    scores: np.ndarray

    @property
    def predicted_ids(self) -> np.ndarray:
        """int64 `[N]`, the best class of each row."""
        return self.scores.argmax(axis=1)

    @property
    def true_ids(self) -> np.ndarray:
        """int64 `[N]`, the true class of each row."""
        ids = {label: position for position, label in enumerate(self.labels)}
        return np.array([ids[label] for label in self.true_labels], np.int64)

    @property
    def accuracy(self) -> float:
        """Share of rows whose best class is the true one."""
        return float((self.predicted_ids == self.true_ids).mean())

    def save(self, folder: str) -> None:
        """Writes `PREDICTIONS_FILE` to `folder`."""
        buffer = io.BytesIO()  # A zip is written with seeks, which GFile lacks.
        np.savez_compressed(
            buffer,
            texts=np.array(self.texts, np.str_),
            true_labels=np.array(self.true_labels, np.str_),
            labels=np.array(self.labels, np.str_),
            scores=self.scores,
        )
        with tf.io.gfile.GFile(os.path.join(folder, PREDICTIONS_FILE), "wb") as file:
            file.write(buffer.getvalue())

    @classmethod
    def load(cls, folder: str) -> "ScoredRows":
        """Reads what `save` wrote."""
        with tf.io.gfile.GFile(os.path.join(folder, PREDICTIONS_FILE), "rb") as file:
            buffer = io.BytesIO(file.read())
        with np.load(buffer, allow_pickle=False) as arrays:
            return cls(
                texts=arrays["texts"].tolist(),
                true_labels=arrays["true_labels"].tolist(),
                labels=arrays["labels"].tolist(),
                scores=arrays["scores"],
            )
