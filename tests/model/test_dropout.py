"""Dropout drops its share, others each time, whichever way it draws."""

import numpy as np
import pytest
import tensorflow as tf

from model.dropout import Dropout, hashed_bits

ONES = np.ones((64, 16, 32), np.float32)


@pytest.fixture(params=[False, True], ids=["drawn", "hashed"])
def dropout(request: pytest.FixtureRequest) -> Dropout:
    layer = Dropout(0.25, seed=3)
    layer.is_compiled = request.param
    return layer


def test_a_quarter_is_dropped_and_the_others_make_up_for_it(dropout: Dropout) -> None:
    values = dropout(ONES, training=True).numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    # Five standard deviations of a mean over 32,768.
    assert (values == 0).mean() == pytest.approx(0.25, abs=0.012)


def test_every_call_drops_others(dropout: Dropout) -> None:
    first, second = (dropout(ONES, training=True).numpy() == 0 for _ in range(2))
    assert (first & second).mean() == pytest.approx(0.25**2, abs=0.007)


def test_nothing_is_dropped_outside_training(dropout: Dropout) -> None:
    np.testing.assert_array_equal(dropout(ONES, training=False), ONES)


def test_a_graph_and_xla_drop_the_same() -> None:
    def dropped(jit_compile: bool) -> np.ndarray:
        layer = Dropout(0.25, seed=3)
        layer.is_compiled = True
        call = tf.function(lambda x: layer(x, training=True), jit_compile=jit_compile)
        return call(ONES).numpy()

    np.testing.assert_array_equal(dropped(True), dropped(False))


def test_an_odd_number_of_elements_is_dropped_too(dropout: Dropout) -> None:
    assert dropout(ONES[:3, :1, :7], training=True).shape == (3, 1, 7)


@pytest.mark.parametrize("bit", [0, 7, 31])
def test_neighbours_and_neighbouring_seeds_share_no_bit_pattern(bit: int) -> None:
    def bits(*seed: int) -> np.ndarray:
        drawn = hashed_bits(tf.constant([1 << 15]), tf.constant(seed, tf.int32)).numpy()
        return (drawn >> bit & 1).astype(float)

    one = bits(5, 9)
    others = [bits(5, 10), bits(6, 9), bits(7924, 9), np.roll(one, 1), np.roll(one, 32)]
    assert one.mean() == pytest.approx(0.5, abs=0.014)
    for other in others:
        assert (one == other).mean() == pytest.approx(0.5, abs=0.014)
