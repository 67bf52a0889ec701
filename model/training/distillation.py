"""A student learns what its teacher says of a text, beside what the label says.

A row's target is one vector, so that everything that handles targets (batches,
replicas, losses, metrics) handles it as it is: first the label id, then the logarithm
of the teacher's scores.
"""

from typing import Any

import keras
import tensorflow as tf

from model import contract
from model.config import DistillationConfig
from model.training.losses import SmoothedCrossentropy


def target(label_ids: tf.Tensor, teacher_scores: tf.Tensor, count: int) -> tf.Tensor:
    """Joins label and teacher.

    Args:
        label_ids: integers `[B]`; `contract.NO_LABEL_ID` where there is no label.
        teacher_scores: `[B]` strings, as `contract.TEACHER_SCORES` has them.
        count: C, how many classes there are.

    Returns:
        float32 `[B, 1 + C]`, exact for label ids below 2**24.

    Raises:
        tf.errors.InvalidArgumentError: the teacher has scores of another number of
            classes.
    """
    log_scores = tf.io.decode_raw(teacher_scores, tf.float16)
    log_scores = tf.ensure_shape(log_scores, [None, count])
    first = tf.cast(label_ids, tf.float32)[:, tf.newaxis]
    return tf.concat([first, tf.cast(log_scores, tf.float32)], axis=1)


def label_ids(y_true: keras.KerasTensor) -> keras.KerasTensor:
    """Gives the label ids `[B]` of a target, with or without a teacher in it."""
    if len(y_true.shape) == 2:
        y_true = y_true[:, 0]
    return keras.ops.cast(y_true, "int32")


@keras.saving.register_keras_serializable(package="ktp")
class DistillationLoss(keras.losses.Loss):
    """The label's loss and the teacher's, mixed.

    `(1 - weight) * crossentropy + weight * T^2 * KL(teacher_T || student_T)`, where
    `x_T` are scores at temperature T (Hinton et al. 2015, arXiv 1503.02531, section 2).
    A row without a label has the second term only. Targets without a teacher, as those
    of the validation split, have plain cross-entropy.
    """

    def __init__(
        self,
        weight: float,
        temperature: float,
        smoothing: float = 0.0,
        name: str = "distillation",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.weight = weight
        self.temperature = temperature
        self.smoothing = smoothing
        self._of_labels = SmoothedCrossentropy(smoothing)

    @classmethod
    def of(cls, config: DistillationConfig, smoothing: float) -> "DistillationLoss":
        """Takes weight and temperature from the settings."""
        return cls(config.weight, config.temperature, smoothing)

    def call(
        self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor
    ) -> keras.KerasTensor:
        ids = label_ids(y_true)
        of_labels = self._of_labels.call(keras.ops.maximum(ids, 0), y_pred)
        if len(y_true.shape) == 1:
            return of_labels
        has_label = keras.ops.cast(ids != contract.NO_LABEL_ID, of_labels.dtype)
        of_teacher = self._of_teacher(y_true[:, 1:], y_pred)
        return (1 - self.weight) * has_label * of_labels + self.weight * of_teacher

    def _of_teacher(
        self, log_scores: keras.KerasTensor, logits: keras.KerasTensor
    ) -> keras.KerasTensor:
        teacher = self._cooled(log_scores)
        distance = teacher - self._cooled(logits)
        divergence = keras.ops.sum(keras.ops.exp(teacher) * distance, axis=-1)
        return self.temperature**2 * divergence

    def _cooled(self, logits: keras.KerasTensor) -> keras.KerasTensor:
        logits = keras.ops.cast(logits, "float32") / self.temperature
        return keras.ops.log_softmax(logits, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "weight": self.weight,
            "temperature": self.temperature,
            "smoothing": self.smoothing,
        }


@keras.saving.register_keras_serializable(package="ktp")
class LabelAccuracy(keras.metrics.SparseCategoricalAccuracy):
    """Share of the rows with a label whose best class it is."""

    def update_state(
        self,
        y_true: keras.KerasTensor,
        y_pred: keras.KerasTensor,
        sample_weight: keras.KerasTensor | None = None,
    ) -> None:
        ids = label_ids(y_true)
        has_label = keras.ops.cast(ids != contract.NO_LABEL_ID, "float32")
        if sample_weight is not None:
            has_label = has_label * keras.ops.cast(sample_weight, "float32")
        super().update_state(ids, y_pred, has_label)
