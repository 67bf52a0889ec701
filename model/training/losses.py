"""The loss of the classifier."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="ktp")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of label ids `[B]` and logits `[B, C]` with smoothed targets.

    The true class gets `1 - smoothing`, and `smoothing` is spread evenly over all
    classes (Szegedy et al. 2016, arXiv 1512.00567, section 7). Keras has smoothing
    only for one-hot labels.
    """

    def __init__(
        self, smoothing: float = 0.0, name: str = "smoothed_crossentropy", **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.smoothing = smoothing

    def call(
        self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor
    ) -> keras.KerasTensor:
        log_scores = keras.ops.log_softmax(keras.ops.cast(y_pred, "float32"), axis=-1)
        one_hot = keras.ops.one_hot(keras.ops.cast(y_true, "int32"), y_pred.shape[-1])
        true_class = keras.ops.sum(one_hot * log_scores, axis=-1)
        every_class = keras.ops.mean(log_scores, axis=-1)
        return -(1 - self.smoothing) * true_class - self.smoothing * every_class

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"smoothing": self.smoothing}
