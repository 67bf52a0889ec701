"""One byte per number: what is lost, and what never is."""

import numpy as np
import pytest
import tensorflow as tf

from model.training.optimizers import block_codes
from model.training.optimizers.block_codes import decode, encode_positive, encode_signed

NUMBERS = np.random.default_rng(0)
# From the largest of a block down to a billionth of it.
SPREAD = NUMBERS.normal(size=(50, 256)) * 10 ** NUMBERS.uniform(-9, 0, size=(50, 256))
BLOCKS = SPREAD.astype("float32")


def test_every_number_is_kept_to_a_hundredth_of_the_largest() -> None:
    lost = np.abs(decode(encode_signed(tf.constant(BLOCKS))) - BLOCKS)
    assert (lost <= 0.008 * np.abs(BLOCKS).max(axis=1, keepdims=True)).all()


def test_small_numbers_are_kept_to_a_part_of_themselves() -> None:
    largest = np.abs(BLOCKS).max(axis=1, keepdims=True)
    seen = np.abs(BLOCKS) > 1e-4 * largest
    lost = np.abs(decode(encode_signed(tf.constant(BLOCKS))) / BLOCKS - 1)
    assert lost[seen].max() < 0.57
    assert np.median(lost[seen]) < 0.04


@pytest.mark.parametrize("encode", [encode_signed, encode_positive])
def test_largest_number_is_kept_exactly(encode: object) -> None:
    blocks = np.abs(BLOCKS)
    found = decode(encode(tf.constant(blocks))).numpy()  # type: ignore[operator]
    np.testing.assert_allclose(found.max(axis=1), blocks.max(axis=1), rtol=1e-6)


@pytest.mark.parametrize("encode", [encode_signed, encode_positive])
def test_what_was_read_is_written_the_same(encode: object) -> None:
    first = encode(tf.constant(np.abs(BLOCKS)))  # type: ignore[operator]
    again = encode(decode(first))  # type: ignore[operator]
    np.testing.assert_array_equal(again.codes, first.codes)


def test_only_zero_becomes_zero_of_what_is_never_negative() -> None:
    blocks = np.abs(BLOCKS)
    blocks[0, 0] = 0
    found = decode(encode_positive(tf.constant(blocks))).numpy()
    np.testing.assert_array_equal(found == 0, blocks == 0)


def test_block_of_zeros_stays_one() -> None:
    zeros = tf.zeros((2, 256))
    assert not decode(encode_signed(zeros)).numpy().any()
    assert not decode(encode_positive(zeros)).numpy().any()


@pytest.mark.parametrize("levels", [64, 128])
def test_codes_rise_and_fit_a_byte(levels: int) -> None:
    values = block_codes.values(levels)
    assert (np.diff(values) > 0).all()
    assert len(values) <= 2 * levels
