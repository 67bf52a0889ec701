"""LoRA: nothing at the start, the same as its merged kernel, no kernel gradient."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.adaptation import low_rank
from model.adaptation.config import AdaptationConfig
from model.adaptation.low_rank import LowRank, LowRankDense
from model.adaptation.replacing import merged
from model.config import ModelConfig
from model.encoder import build_classifier

MODEL = ModelConfig(
    vocabulary_size=30,
    num_classes=3,
    hidden_dim=8,
    num_layers=2,
    num_heads=2,
    intermediate_dim=12,
)
TOKEN_IDS = np.array([[2, 7, 9, 3], [2, 11, 3, 0]], np.int32)


def layer_with(is_changed: tuple[bool, ...], **settings: Any) -> LowRankDense:
    dense = keras.layers.Dense(6, activation="gelu", name="dense")
    dense.build((None, 4))
    size = LowRank(**{"rank": 2, "alpha": 3.0} | settings)
    return LowRankDense(dense, size, is_changed)


def disturb(variables: list[keras.Variable]) -> None:
    random = np.random.default_rng(0)
    for variable in variables:
        variable.assign_add(random.normal(0, 0.3, variable.shape))


@pytest.mark.parametrize("is_changed", [(True,), (True, False, True), (False, True)])
def test_the_merged_kernel_computes_the_same(is_changed: tuple[bool, ...]):
    layer = layer_with(is_changed)
    inputs = np.random.default_rng(1).normal(size=(5, 4)).astype("float32")
    np.testing.assert_allclose(layer(inputs), layer.dense(inputs), atol=1e-6)
    disturb(layer.up)
    together = np.asarray(layer(inputs))
    assert np.abs(together - layer.dense(inputs)).max() > 0.1
    for kernel in layer.merged().values():
        layer.dense.kernel.assign(kernel)
    np.testing.assert_allclose(layer.dense(inputs), together, atol=1e-5)


def test_a_matrix_that_is_not_changed_stays_as_it_is():
    layer = layer_with((True, False, True))
    disturb(layer.up)
    (kernel,) = layer.merged().values()
    difference = np.abs(kernel - layer.dense.kernel.numpy()).reshape(4, 3, 2)
    assert (difference.max(axis=(0, 2)) > 0).tolist() == [True, False, True]


def test_the_update_grows_with_alpha_and_not_with_rank():
    sizes = []
    for rank, alpha in ((2, 4.0), (2, 8.0), (4, 8.0)):
        layer = layer_with((True,), rank=rank, alpha=alpha)
        for variable in (*layer.down, *layer.up):
            variable.assign(np.full(variable.shape, 0.1))
        (kernel,) = layer.merged().values()
        sizes.append(float(np.abs(kernel - layer.dense.kernel).max()))
    assert sizes[1] == pytest.approx(2 * sizes[0], rel=1e-4)
    assert sizes[2] == pytest.approx(sizes[1], rel=1e-4)


def test_dropout_is_for_training_alone():
    layer = layer_with((True,), dropout=0.5)
    disturb(layer.up)
    inputs = tf.ones([2, 4])
    calm = np.asarray(layer(inputs))
    np.testing.assert_array_equal(calm, layer(inputs, training=False))
    assert np.abs(calm - layer(inputs, training=True)).max() > 1e-3


@pytest.mark.parametrize(
    ("matrices", "numbers"),
    [
        # Rank 2 of 8 x 8 is 32 numbers, of 8 x 12 it is 40; two blocks.
        ("query", 2 * 32),
        ("query,value", 2 * 64),
        ("output", 2 * 32),
        ("feed_forward", 2 * 80),
        ("query,key,value,output,feed_forward", 2 * (4 * 32 + 80)),
    ],
)
def test_the_named_matrices_of_every_block_get_updates(matrices: str, numbers: int):
    model = build_classifier(MODEL)
    before = model.count_params()
    logits = np.asarray(model(TOKEN_IDS))
    config = AdaptationConfig(method="lora", lora_rank=2, lora_matrices=matrices)
    low_rank.add_low_rank(model, config)
    assert model.count_params() - before == numbers
    np.testing.assert_allclose(model(TOKEN_IDS), logits, atol=1e-6)


def test_a_changed_model_and_its_merged_kernels_agree():
    model = build_classifier(MODEL)
    low_rank.add_low_rank(model, AdaptationConfig(method="lora"))
    disturb([v for v in model.variables if "/up_" in v.path])
    plain = build_classifier(MODEL)
    values = {v.path: v for v in model.weights} | merged(model)
    for variable in plain.weights:
        variable.assign(values[variable.path])
    np.testing.assert_allclose(plain(TOKEN_IDS), model(TOKEN_IDS), atol=1e-5)
