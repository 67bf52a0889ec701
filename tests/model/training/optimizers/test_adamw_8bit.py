"""8-bit AdamW: a quarter of the memory, and training as AdamW trains."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.training.optimizers.adamw import AdamW
from model.training.optimizers.adamw_8bit import AdamW8bit
from model.training.optimizers.update import SummedUpdate

# Of all-MiniLM-L6-v2: embeddings, and one of its six layers.
MINILM = [
    *[(30522, 384), (512, 384), (2, 384)],
    *[(384, 384), (384,), (384, 1536), (1536,), (1536, 384), (384,)],
]


def state_bytes(optimizer: SummedUpdate, shapes: list[tuple[int, ...]]) -> int:
    variables = [keras.Variable(np.zeros(shape, "float32")) for shape in shapes]
    with tf.device("CPU"):
        optimizer.build(variables)
    states = [v.value for v in optimizer.variables if v is not optimizer.iterations]
    return sum(
        state.shape.num_elements() * state.dtype.size
        for state in states
        if state.shape.rank
    )


def test_states_take_a_quarter_of_the_memory() -> None:
    ours = state_bytes(AdamW8bit(1e-3), MINILM)
    assert ours < 0.26 * state_bytes(AdamW(1e-3), MINILM)


def test_small_variables_keep_exact_states() -> None:
    ours, theirs = (kind(0.01) for kind in (AdamW8bit, AdamW))
    numbers = np.random.default_rng(0)
    start = numbers.normal(size=384).astype("float32")
    weights, twin = keras.Variable(start), keras.Variable(start)
    for _ in range(5):
        gradient = tf.constant(numbers.normal(size=384), tf.float32)
        ours.apply([gradient], [weights])
        theirs.apply([gradient], [twin])
    np.testing.assert_allclose(weights, twin, rtol=1e-5, atol=1e-6)


def regression_loss(optimizer: SummedUpdate, seed: int) -> list[float]:
    """A linear map of 80 numbers to 60 is learnt; 4800 weights, so 8 bits are used."""
    numbers = np.random.default_rng(seed)
    truth = numbers.normal(size=(80, 60))
    weights = keras.Variable(np.zeros((80, 60), "float32"))
    losses = []
    for _ in range(80):
        x = numbers.normal(size=(32, 80))
        error = x @ (np.array(weights) - truth)
        losses.append(float(np.mean(error**2)))
        optimizer.apply([tf.constant(x.T @ error / 32, tf.float32)], [weights])
    return losses


def test_it_learns_as_fast_as_with_exact_states() -> None:
    exact = np.mean([regression_loss(AdamW(0.05), seed) for seed in range(3)], axis=0)
    ours = np.mean(
        [regression_loss(AdamW8bit(0.05), seed) for seed in range(3)], axis=0
    )
    np.testing.assert_allclose(ours[20:60], exact[20:60], rtol=0.05)
    assert ours[-1] < 1.2 * exact[-1] < 0.01 * exact[0]


def test_gradient_that_is_rare_does_not_make_a_leap() -> None:
    """A number is still in the first moment when it has left the second."""
    optimizer = AdamW8bit(0.01, summed_clip_norm=1e9)
    weights = keras.Variable(np.zeros((64, 64), "float32"))
    for step in range(60):
        gradient = np.zeros((64, 64), "float32")
        gradient[0, 0] = 100.0
        gradient[0, 1] = 0.01 if step == 0 else 0.0
        before = np.array(weights)
        optimizer.apply([tf.constant(gradient)], [weights])
        assert np.abs(np.array(weights) - before).max() < 0.02


@pytest.mark.parametrize("size", [4096, 4097])
def test_states_survive_saving(size: int) -> None:
    gradient = tf.constant(np.random.default_rng(0).normal(size=size), tf.float32)
    first, second = (AdamW8bit(0.01) for _ in range(2))
    weights = keras.Variable(np.zeros(size, "float32"))
    first.apply([gradient], [weights])
    twin = keras.Variable(np.array(weights))
    second.build([twin])
    for ours, theirs in zip(second.variables, first.variables, strict=True):
        ours.assign(np.array(theirs))
    first.apply([gradient], [weights])
    second.apply([gradient], [twin])
    np.testing.assert_array_equal(weights, twin)
