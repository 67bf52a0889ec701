"""One training step, in which XLA and several replicas go together."""

from typing import Any

import keras
import tensorflow as tf

from model.dropout import Dropout
from model.training.hardware.devices import DevicePlan


class TrainedModel(keras.Model):
    """Another view of a functional model, to train it: same layers, same weights.

    `keras.Model.compile(jit_compile=True)` makes one program of a step and its
    optimizer, which of several replicas must read the variables of all, and XLA cannot.
    With `jit_gradients` XLA's program ends with the gradients: every replica compiles
    its own, within `strategy.run`, and what the replicas do together comes after it.
    """

    def __init__(self, model: keras.Model, *, jit_gradients: bool) -> None:
        super().__init__(model.inputs, model.outputs, name=model.name)
        self._learn = self._gradients
        if jit_gradients:
            self._learn = tf.function(
                self._gradients, reduce_retracing=True, jit_compile=True
            )

    # Without this MirroredStrategy hands a converted method its `self` once too often.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: tuple[Any, ...]) -> dict[str, Any]:
        """Called by `fit` in every replica, with the replica's rows."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        logits, loss, gradients = self._learn(x, y, sample_weight)
        self.optimizer.apply(gradients, self.trainable_variables)
        # A replica's loss is its share of the mean over the global batch.
        replicas = self.distribute_strategy.num_replicas_in_sync
        rows = tf.shape(logits)[0]
        self._loss_tracker.update_state(loss * replicas, sample_weight=rows)
        metrics: dict[str, Any] = self.compute_metrics(x, y, logits, sample_weight)
        return metrics

    jit_compile: bool

    def make_test_function(self, force: bool = False) -> None:
        """Leaves evaluation uncompiled: its last batches have shapes of their own."""
        compiled, self.jit_compile = self.jit_compile, False
        super().make_test_function(force)
        self.jit_compile = compiled

    def _gradients(
        self, x: Any, y: Any, sample_weight: Any
    ) -> tuple[tf.Tensor, tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            loss = self._compute_loss(x, y, logits, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_variables)
        return logits, loss, gradients


def training_view(model: keras.Model, plan: DevicePlan) -> keras.Model:
    """The model with the step that `plan` asks for; compile it with `plan.jit_step`."""
    for layer in model._flatten_layers():
        if isinstance(layer, Dropout):
            layer.is_compiled = plan.jit_compile
    return TrainedModel(model, jit_gradients=plan.jit_gradients)
