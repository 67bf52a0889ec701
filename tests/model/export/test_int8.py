"""Weights of a TFLite file as int8: what is rounded, how well, and what is left."""

import functools
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from model import contract
from model.export import int8, tflite
from serving.edge import runtime

VOCABULARY, WIDTH, CLASSES = 300, 48, 40
LENGTHS = (8, 16)
IDS = np.random.default_rng(1).integers(1, VOCABULARY, (20, 8)).astype(np.int32)


@functools.cache
def converted(quantize: bool) -> bytes:
    """A table, a list of numbers per token, a large matrix and a small one."""
    keras.utils.set_random_seed(1)
    random = np.random.default_rng(0)
    ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    table = keras.layers.Embedding(VOCABULARY, WIDTH)
    states = keras.ops.sum(table(ids), axis=1)
    # Rows of very different size: one scale for all would lose the small ones.
    table.embeddings.assign(
        random.normal(0, 1, (VOCABULARY, WIDTH))
        * np.exp(random.normal(-2, 1, (VOCABULARY, 1)))
    )
    wide = keras.layers.Dense(CLASSES, name="large")(states)
    small = keras.layers.Dense(3, name="small")(wide[:, :10])
    model = keras.Model(ids, small)
    return tflite.convert(model, lengths=LENGTHS, quantize=quantize)


def constants(model: bytes) -> dict[int, np.ndarray]:
    """Every buffer with data, by its number, as the type that its tensors have."""
    parsed = schema.ModelT.InitFromPackedBuf(model, 0)
    dtypes = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.INT8: np.int8,
        schema.TensorType.INT32: np.int32,
    }
    return {
        tensor.buffer: np.asarray(parsed.buffers[tensor.buffer].data)
        .view(dtypes[tensor.type])
        .reshape(tensor.shape)
        for subgraph in parsed.subgraphs
        for tensor in subgraph.tensors
        if parsed.buffers[tensor.buffer].data is not None
    }


def scores(model: bytes, length: int) -> np.ndarray:
    interpreter = runtime.make_interpreter(
        runtime.find_runtime(), model_content=model, num_threads=1
    )
    runner = interpreter.get_signature_runner(f"length_{length}")
    rows = np.pad(IDS, ((0, 0), (0, length - IDS.shape[1])))
    return np.array([runner(token_ids=row[None])["scores"][0] for row in rows])


@pytest.mark.parametrize("length", LENGTHS)
def test_every_signature_gives_nearly_the_same_scores(length: int) -> None:
    expected = scores(converted(quantize=False), length)
    assert expected.std(axis=0).min() > 0.05  # They tell the texts apart.
    found = scores(converted(quantize=True), length)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert not np.array_equal(found, expected)


def test_large_weights_are_int8_once_and_small_ones_stay() -> None:
    before, after = (constants(converted(quantize=q)) for q in (False, True))
    rounded = {n: each for n, each in after.items() if each.dtype == np.int8}
    assert {each.shape for each in rounded.values()} == {
        (VOCABULARY, WIDTH),
        (CLASSES, WIDTH),
    }
    assert len(rounded) == 2  # However many signatures read them.
    for number, each in before.items():
        if number not in rounded:
            np.testing.assert_array_equal(after[number], each)


def test_a_number_is_wrong_by_half_a_step_of_its_row_at_most() -> None:
    weights = np.random.default_rng(0).normal(size=(30, 50)).astype(np.float32)
    weights[3] *= 1000
    weights[4] = 0
    values, scales = int8.rounded(weights)
    assert values.dtype == np.int8
    assert scales.shape == (30,)
    error = np.abs(values * scales[:, None] - weights)
    assert (error <= scales[:, None] * 0.5001).all()
    assert np.abs(values).max(axis=1).tolist() == [127] * 4 + [0] + [127] * 25
    np.testing.assert_allclose(scales[3], np.abs(weights[3]).max() / 127, rtol=1e-6)


def test_single_numbers_share_a_scale() -> None:
    values, scales = int8.rounded(np.array([1.0, -2.0, 0.5], np.float32))
    assert values.tolist() == [64, -127, 32]
    np.testing.assert_allclose(scales, [2 / 127])


def test_equal_models_give_equal_bytes() -> None:
    model = converted(quantize=False)
    assert int8.quantize_weights(model) == int8.quantize_weights(model)


def test_constants_begin_at_multiples_of_sixteen() -> None:
    model = converted(quantize=True)
    for values in constants(model).values():
        data = values.tobytes()
        if len(data) >= 1024:
            assert model.index(data) % 16 == 0


def test_a_table_that_is_a_matrix_as_well_stays_as_it_is() -> None:
    ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    table = keras.layers.Embedding(VOCABULARY, WIDTH)

    class Tied(keras.layers.Layer):
        def call(self, states: tf.Tensor) -> tf.Tensor:
            return tf.matmul(states, table.embeddings, transpose_b=True)

    model = keras.Model(ids, Tied()(keras.ops.sum(table(ids), axis=1)))
    table.embeddings.assign(table.embeddings * 10)
    files = [tflite.convert(model, lengths=(8,), quantize=q) for q in (False, True)]
    assert not [each for each in constants(files[1]).values() if each.dtype == np.int8]
    np.testing.assert_array_equal(*(scores(file, 8) for file in files))


def file_of(call: Callable[[tf.Tensor], tf.Tensor], quantize: bool) -> bytes:
    """A model whose one layer computes `call` of its token ids."""

    class Layer(keras.layers.Layer):
        def call(self, token_ids: tf.Tensor) -> tf.Tensor:
            return call(token_ids)

    ids = keras.Input((None,), dtype="int32", name=contract.TOKEN_IDS)
    return tflite.convert(
        keras.Model(ids, Layer()(ids)), lengths=(8,), quantize=quantize
    )


def test_columns_of_a_table_are_taken_as_they_are() -> None:
    table = np.random.default_rng(0).normal(size=(3, 400)).astype(np.float32)

    def sum_of_columns(token_ids: tf.Tensor) -> tf.Tensor:
        # One text, so its columns are `[3, 1, T]`.
        return tf.transpose(tf.reduce_sum(tf.gather(table, token_ids, axis=1), axis=2))

    files = [file_of(sum_of_columns, quantize=q) for q in (False, True)]
    np.testing.assert_array_equal(*(scores(file, 8) for file in files))


def test_a_matrix_without_a_bias_is_rounded_like_any_other() -> None:
    matrix = np.random.default_rng(0).normal(0, 0.05, (8, 400)).astype(np.float32)

    def product(token_ids: tf.Tensor) -> tf.Tensor:
        return tf.matmul(tf.cast(token_ids, tf.float32) / VOCABULARY, matrix)

    files = [file_of(product, quantize=q) for q in (False, True)]
    assert np.int8 in {each.dtype.type for each in constants(files[1]).values()}
    np.testing.assert_allclose(*(scores(file, 8) for file in files), atol=1e-4)
