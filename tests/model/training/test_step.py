"""A step of ours learns what a step of Keras' does, whatever XLA compiles of it."""

import keras
import numpy as np
import pytest

from model.training.optimizers.adamw import AdamW
from model.training.step import TrainedModel

RANDOM = np.random.default_rng(1)
TOKEN_IDS = RANDOM.integers(0, 20, (24, 5)).astype(np.int32)
LABELS = RANDOM.integers(0, 3, 24)


def classifier(dtype: str = "float32") -> keras.Model:
    keras.utils.set_random_seed(1)
    token_ids = keras.Input((None,), dtype="int32")
    states = keras.layers.Embedding(20, 8, dtype=dtype)(token_ids)
    states = keras.layers.LayerNormalization(dtype=dtype)(states)
    pooled = keras.layers.GlobalAveragePooling1D(dtype=dtype)(states)
    return keras.Model(token_ids, keras.layers.Dense(3, dtype="float32")(pooled))


def fitted(
    model: keras.Model, *, has_scaled_loss: bool = False
) -> tuple[np.ndarray, dict[str, list[float]]]:
    """The weights and the history of two epochs of three steps."""
    optimizer = AdamW(0.01, summed_clip_norm=0.5)
    if has_scaled_loss:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        jit_compile=False,
        auto_scale_loss=False,
    )
    history = model.fit(
        *(TOKEN_IDS, LABELS), batch_size=8, epochs=2, shuffle=False, verbose=0
    ).history
    return np.concatenate([w.ravel() for w in model.get_weights()]), history


@pytest.mark.parametrize("jit_gradients", [False, True])
def test_weights_and_metrics_are_those_of_keras_own_step(jit_gradients: bool) -> None:
    weights, history = fitted(classifier())
    ours, our_history = fitted(TrainedModel(classifier(), jit_gradients=jit_gradients))
    np.testing.assert_allclose(ours, weights, atol=2e-5)
    for name, values in history.items():
        assert our_history[name] == pytest.approx(values, abs=1e-5)


def test_a_scaled_loss_is_unscaled_again_and_told_unscaled() -> None:
    plain, history = fitted(classifier("mixed_float16"), has_scaled_loss=True)
    model = TrainedModel(classifier("mixed_float16"), jit_gradients=True)
    ours, our_history = fitted(model, has_scaled_loss=True)
    np.testing.assert_allclose(ours, plain, atol=0.01)
    assert our_history["loss"] == pytest.approx(history["loss"], rel=0.01)


def test_the_view_changes_the_weights_of_the_model_itself() -> None:
    model = classifier()
    before = model.get_weights()
    fitted(TrainedModel(model, jit_gradients=False))
    assert all(
        not np.array_equal(now, then)
        for now, then in zip(model.get_weights(), before, strict=True)
    )
