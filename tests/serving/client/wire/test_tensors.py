"""TensorProto to numpy and back."""

import tracemalloc

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies
from hypothesis.extra import numpy as numpy_strategies

from serving.client import protos
from serving.client.errors import CodecError
from serving.client.wire import dtypes, tensors

NUMERIC = [dtype for dtype in dtypes.all_dtypes() if not dtype.is_string]


@pytest.mark.parametrize("typed_fields", [True, False])
@pytest.mark.parametrize("dtype", NUMERIC, ids=lambda dtype: dtype.name)
def test_numbers_survive_the_round_trip(
    dtype: dtypes.DType, typed_fields: bool
) -> None:
    array = np.array([[0, 1], [2, 3], [100, 7]]).astype(dtype.numpy)
    decoded = tensors.decode(tensors.encode(array, typed_fields=typed_fields))
    np.testing.assert_array_equal(decoded, array)
    assert decoded.dtype == array.dtype


@hypothesis.given(
    numpy_strategies.arrays(
        dtype=strategies.sampled_from([np.float32, np.float64, np.int64, np.bool_]),
        shape=numpy_strategies.array_shapes(min_dims=0, max_dims=3, min_side=0),
    ),
    strategies.booleans(),
)
def test_any_shape_survives_the_round_trip(array: np.ndarray, typed: bool) -> None:
    decoded = tensors.decode(tensors.encode(array, typed_fields=typed))
    np.testing.assert_array_equal(decoded, array)
    assert decoded.shape == array.shape


@hypothesis.given(strategies.lists(strategies.binary()))
def test_any_bytes_survive_the_round_trip(values: list[bytes]) -> None:
    array = np.array([*values, b"end"], dtype=object)
    assert tensors.decode(tensors.encode(array)).tolist() == array.tolist()


def test_text_becomes_utf8() -> None:
    assert tensors.decode(tensors.encode(["größe"])).tolist() == ["größe".encode()]


def test_foreign_byte_order_is_corrected() -> None:
    array = np.array([1, 2], dtype=">i4")
    np.testing.assert_array_equal(tensors.decode(tensors.encode(array)), array)


def test_the_last_value_fills_a_short_typed_field() -> None:
    tensor = protos.TensorProto(dtype=1, float_val=[1.0, 2.0])
    tensor.tensor_shape.dim.add(size=4)
    assert tensors.decode(tensor).tolist() == [1, 2, 2, 2]


def test_an_empty_typed_field_means_zeros() -> None:
    tensor = protos.TensorProto(dtype=3)
    tensor.tensor_shape.dim.add(size=2)
    assert tensors.decode(tensor).tolist() == [0, 0]


def test_too_many_values_are_refused() -> None:
    tensor = protos.TensorProto(dtype=1, float_val=[1.0, 2.0])
    with pytest.raises(tensors.CodecError, match="2 values"):
        tensors.decode(tensor)


def test_content_of_the_wrong_size_is_refused() -> None:
    tensor = protos.TensorProto(dtype=1, tensor_content=b"12345")
    with pytest.raises(tensors.CodecError, match="5 bytes; float of shape .* needs 4"):
        tensors.decode(tensor)


def test_a_negative_size_is_refused() -> None:
    tensor = protos.TensorProto(dtype=1)
    tensor.tensor_shape.dim.add(size=-1)
    with pytest.raises(tensors.CodecError, match="known shape"):
        tensors.decode(tensor)


@pytest.mark.parametrize(
    "value", [np.array(["2020-01-01"], "datetime64[D]"), np.array([[1], None], object)]
)
def test_what_no_tensor_can_hold_is_refused(value: np.ndarray) -> None:
    with pytest.raises(tensors.CodecError):
        tensors.encode(value)


def test_resources_are_refused_by_name() -> None:
    with pytest.raises(tensors.CodecError, match="resource"):
        tensors.decode(protos.TensorProto(dtype=20))


@pytest.mark.parametrize(
    "sizes",
    [[2**40], [2**63 - 1], [2**62, 2**62], [0, 2**62], [1] * 65, [2**24 + 1], [1, -1]],
)
@pytest.mark.parametrize("dtype", [dtypes.by_number()[1], dtypes.by_number()[7]])
def test_a_few_bytes_do_not_become_a_giant_tensor(
    sizes: list[int], dtype: dtypes.DType
) -> None:
    tensor = protos.TensorProto(dtype=dtype.number)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    if 0 not in sizes:
        getattr(tensor, dtype.field).append(b"x" if dtype.is_string else 1)
    tracemalloc.start()
    with pytest.raises(tensors.CodecError):
        tensors.decode(tensor)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 2**20


@pytest.mark.parametrize(
    ("text", "count"), [(b"x" * 1000, 2**17), (b"x" * 2**20, 128), (b"", 2**17)]
)
def test_a_short_text_does_not_become_more_texts_than_a_server_has_room_for(
    text: bytes, count: int
) -> None:
    """Our array holds one of them; TensorFlow copies each, and a model reads each."""
    tensor = protos.TensorProto(dtype=7, string_val=[text] if text else [])
    tensor.tensor_shape.dim.add(size=count)
    with pytest.raises(CodecError, match="must hold them all"):
        tensors.decode(tensor)
    tensor.tensor_shape.dim[0].size = 50
    assert tensors.decode(tensor).tolist() == [text] * 50


def test_texts_that_are_all_there_may_be_as_many_as_they_are() -> None:
    tensor = tensors.encode(np.array([b"x"] * 2**17, dtype=object))
    assert tensors.decode(tensor).size == 2**17
    tensor.tensor_shape.dim[0].size += 3
    assert tensors.decode(tensor).size == 2**17 + 3
