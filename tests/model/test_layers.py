"""Every layer goes through one contract; padding is tested where it matters."""

from pathlib import Path

import keras
import numpy as np
import pytest

from model import layers
from tests.support.layer_contract import LayerContract, assert_close

B, T, D = 3, 6, 8
RANDOM = np.random.default_rng(1)
STATES = RANDOM.normal(size=(B, T, D)).astype("float32")
TOKEN_IDS = np.array(
    [[2, 7, 8, 9, 10, 3], [2, 7, 3, 0, 0, 0], [2, 3, 0, 0, 0, 0]], "int32"
)
BIAS = np.where(TOKEN_IDS == 0, layers.MASKED, 0).astype("float32")

CONTRACTS = {
    "PaddingBias": LayerContract(make=layers.PaddingBias, arguments=(TOKEN_IDS,)),
    "PositionEmbedding": LayerContract(
        make=lambda **kwargs: layers.PositionEmbedding(10, **kwargs),
        arguments=(STATES,),
    ),
    "SelfAttention": LayerContract(
        make=lambda **kwargs: layers.SelfAttention(2, 0.1, **kwargs),
        arguments=(STATES, BIAS),
    ),
    "EncoderBlock": LayerContract(
        make=lambda **kwargs: layers.EncoderBlock(2, 16, 0.1, **kwargs),
        arguments=(STATES, BIAS),
    ),
    "PostNormEncoderBlock": LayerContract(
        make=lambda **kwargs: layers.PostNormEncoderBlock(
            2, 16, 0.1, activation="gelu_tanh", epsilon=1e-5, **kwargs
        ),
        arguments=(STATES, BIAS),
    ),
    "MeanPooling": LayerContract(make=layers.MeanPooling, arguments=(STATES, BIAS)),
    "StartPooling": LayerContract(make=layers.StartPooling, arguments=(STATES, BIAS)),
    "MeanMaxPooling": LayerContract(
        make=layers.MeanMaxPooling, arguments=(STATES, BIAS)
    ),
}


@pytest.fixture(params=CONTRACTS)
def contract(request: pytest.FixtureRequest) -> LayerContract:
    return CONTRACTS[request.param]


def test_every_public_layer_has_a_contract() -> None:
    public = {
        name
        for name, value in vars(layers).items()
        if isinstance(value, type)
        and issubclass(value, keras.Layer)
        and value.__module__ == layers.__name__
        and not name.startswith("_")
    }
    assert public == set(CONTRACTS)


def test_layer_equals_the_twin_made_from_its_config(contract: LayerContract) -> None:
    contract.check_config_round_trip()


def test_layer_computes_the_same_eagerly_in_graphs_and_in_xla(
    contract: LayerContract,
) -> None:
    contract.check_graph_and_xla()


def test_layer_takes_any_batch_and_length(contract: LayerContract) -> None:
    contract.check_dynamic_shapes()


def test_layer_works_in_half_precision(contract: LayerContract) -> None:
    contract.check_half_precision()


def test_layer_survives_saving(contract: LayerContract, tmp_path: Path) -> None:
    contract.check_saving(tmp_path)


def test_layer_foretells_its_output_shape(contract: LayerContract) -> None:
    contract.check_output_shape()


@pytest.mark.parametrize(
    "name", ["SelfAttention", "EncoderBlock", "PostNormEncoderBlock"]
)
def test_real_tokens_do_not_see_padding(name: str) -> None:
    layer = CONTRACTS[name].make()
    other = STATES + np.where(BIAS == 0, 0, 5)[..., None].astype("float32")
    real = BIAS == 0
    assert_close(layer(other, BIAS)[real], layer(STATES, BIAS)[real])


def test_pooling_leaves_padding_out() -> None:
    pooled = np.asarray(layers.MeanMaxPooling()(STATES, BIAS))
    for row, length in enumerate((6, 3, 2)):
        real = STATES[row, :length]
        assert_close(pooled[row], np.concatenate([real.mean(0), real.max(0)]))
        assert_close(layers.MeanPooling()(STATES, BIAS)[row], real.mean(0))


def test_start_pooling_takes_the_first_token() -> None:
    assert_close(layers.StartPooling()(STATES, BIAS), STATES[:, 0])


def test_post_norm_block_normalises_each_sum() -> None:
    block = layers.PostNormEncoderBlock(2, 16, epsilon=1e-12)
    output = np.asarray(block(STATES, BIAS))
    assert_close(output.mean(axis=-1), np.zeros((B, T)))
    assert_close(output.var(axis=-1), np.ones((B, T)))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gelu", 0.841344746), ("gelu_tanh", 0.841191991), ("relu", 1.0)],
)
def test_activation_is_the_one_named(name: str, expected: float) -> None:
    assert_close(layers.activation(name)(np.ones((1, 1), "float32")), [[expected]])


def test_row_of_padding_alone_gives_numbers() -> None:
    bias = np.full((1, T), layers.MASKED, "float32")
    states = layers.EncoderBlock(2, 16)(STATES[:1], bias)
    assert np.isfinite(layers.MeanMaxPooling()(states, bias)).all()


def test_attention_is_that_of_the_formula() -> None:
    layer = layers.SelfAttention(num_heads=1)
    layer(STATES[:1], BIAS[:1])
    kernel, bias, output_kernel, output_bias = layer.get_weights()
    query, key, value = np.split(STATES[0] @ kernel + bias, 3, axis=-1)
    weights = np.exp(query @ key.T / np.sqrt(D))
    weights /= weights.sum(axis=-1, keepdims=True)
    expected = weights @ value @ output_kernel + output_bias
    assert_close(layer(STATES[:1], BIAS[:1])[0], expected)
