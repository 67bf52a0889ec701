"""TensorProto to numpy and back, without TensorFlow."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import protos
from ..errors import CodecError
from ..rows import lone_surrogate
from . import dtypes
from .dtypes import DType

MAX_REPEATED_BYTES = 64 * 1024 * 1024
# What a model makes of one text: tokens, ids and more numbers, however short it is.
_TEXT_OVERHEAD_BYTES = 1024


def encode(value: ArrayLike, *, typed_fields: bool = False) -> Any:
    """Makes a TensorProto of an array, or of what numpy can make one of.

    Text becomes UTF-8; object arrays may hold `str` and `bytes` only.

    Args:
        value: any shape, any type of `dtypes.all_dtypes`.
        typed_fields: use `float_val` and its like, as TF Serving answers, instead of
            `tensor_content`, which is faster.

    Raises:
        CodecError: the array's type has no counterpart.
    """
    tensor = protos.TensorProto()
    encode_into(tensor, value, typed_fields=typed_fields)
    return tensor


def encode_into(tensor: Any, value: ArrayLike, *, typed_fields: bool = False) -> None:
    """Fills an empty TensorProto, such as `request.inputs[name]`, as `encode` does.

    Saves the copy of the whole tensor that assigning one message to another makes.
    """
    array = np.asarray(value)
    dtype = _dtype_of(array)
    tensor.dtype = dtype.number
    # The shape is there even when it has no dimension: absent would mean no shape.
    tensor.tensor_shape.SetInParent()
    for size in array.shape:
        tensor.tensor_shape.dim.add(size=size)
    if dtype.is_string:
        tensor.string_val.extend(_all_bytes(array.ravel().tolist()))
    elif typed_fields:
        getattr(tensor, dtype.field).extend(_field_values(array.ravel(), dtype))
    else:
        tensor.tensor_content = array.astype(dtype.numpy, copy=False).tobytes()


def decode(tensor: Any) -> np.ndarray:
    """Gives the array in a TensorProto; strings are an object array of `bytes`.

    As in TensorFlow, a typed field may hold fewer values than the shape asks for: the
    last one is repeated, and none at all means zeros or empty strings.

    Raises:
        CodecError: unknown type, unknown or negative shape, too many values, or so few
            that repeating them would take more than `MAX_REPEATED_BYTES`.
    """
    dtype = dtypes.by_number().get(tensor.dtype)
    if dtype is None:
        raise CodecError(f"dtype {dtypes.name_of(tensor.dtype)} cannot be decoded.")
    shape = _shape_of(tensor)
    try:
        if tensor.tensor_content:
            return _from_content(tensor.tensor_content, dtype, shape)
        values = _typed_values(getattr(tensor, dtype.field), dtype)
        return _fill(values, dtype, shape)
    except (ValueError, OverflowError) as error:
        if isinstance(error, CodecError):
            raise
        # numpy's own limits: the number of dimensions, the range of a value.
        raise CodecError(f"{dtype.name} of shape {list(shape)}: {error}") from None


def _dtype_of(array: np.ndarray) -> DType:
    if array.dtype.kind in "USO":
        return dtypes.by_number()[7]
    dtype = dtypes.by_numpy().get(array.dtype.newbyteorder("="))
    if dtype is None:
        allowed = ", ".join(str(row.numpy) for row in dtypes.all_dtypes())
        raise CodecError(
            f"An array of {array.dtype} cannot be sent; allowed: {allowed}, text. "
            "Convert it with array.astype(...)."
        )
    return dtype


def _all_bytes(items: list[Any]) -> list[bytes]:
    # What a model answers is bytes already; one C loop tells.
    if set(map(type, items)) <= {bytes}:
        return items
    return [as_bytes(item, f"item {index}") for index, item in enumerate(items)]


def as_bytes(item: object, place: str = "An item") -> bytes:
    """Encodes one item of an array of strings; `CodecError` when it is none.

    The error says which, as `place`, and not what: texts are other people's.
    """
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        try:
            return item.encode("utf-8")
        except UnicodeEncodeError as error:
            raise CodecError(lone_surrogate(place, error)) from None
    raise CodecError(
        f"{place} is of type {type(item).__name__}, in an array of Python objects: of "
        "these, only str and bytes can be sent. Is a value missing, or too large? A "
        "ragged list also ends here: pad it."
    )


def _field_values(flat: np.ndarray, dtype: DType) -> list[Any]:
    if dtype.field == "half_val":
        return flat.view(np.uint16).tolist()
    if dtype.name.startswith("complex"):
        # One complex number takes two places: real part, imaginary part.
        return flat.view(np.float32 if dtype.number == 8 else np.float64).tolist()
    return flat.tolist()


def _typed_values(field: Any, dtype: DType) -> np.ndarray:
    if dtype.is_string:
        values = np.empty(len(field), dtype=object)
        values[:] = field[:]
        return values
    items = field[:]  # a list; numpy would ask the field for one item after the other
    if dtype.field == "half_val":
        return np.array(items, dtype=np.uint16).view(dtype.numpy)
    if dtype.name.startswith("complex"):
        part = np.float32 if dtype.number == 8 else np.float64
        return np.array(items, dtype=part).view(dtype.numpy)
    exact = np.int64 if dtype.field == "int_val" else dtype.numpy
    return np.array(items, dtype=exact).astype(dtype.numpy, copy=False)


def _shape_of(tensor: Any) -> tuple[int, ...]:
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in shape):
        raise CodecError(f"A tensor must have a known shape; received {list(shape)}.")
    return shape


def _from_content(content: bytes, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    if dtype.is_string:
        raise CodecError("Strings in tensor_content cannot be decoded; use string_val.")
    expected = math.prod(shape) * dtype.numpy.itemsize
    if len(content) != expected:
        raise CodecError(
            f"tensor_content has {len(content)} bytes; {dtype.name} of shape "
            f"{list(shape)} needs {expected}."
        )
    return np.frombuffer(content, dtype=dtype.numpy).reshape(shape).copy()


def _fill(values: np.ndarray, dtype: DType, shape: tuple[int, ...]) -> np.ndarray:
    size = math.prod(shape)
    if len(values) > size:
        raise CodecError(
            f"{dtype.field} has {len(values)} values; shape {list(shape)} takes {size}."
        )
    if len(values) == size:
        return values.reshape(shape)
    occurrences = size - max(len(values) - 1, 0)
    if occurrences * _bytes_of_last(values, dtype) > MAX_REPEATED_BYTES:
        # A message of a few bytes must not take all of a server's memory.
        raise CodecError(
            f"{dtype.field} has {len(values)} of the {size} values of shape "
            f"{list(shape)}; a tensor this large must hold them all."
        )
    if not len(values):
        return np.full(shape, b"" if dtype.is_string else 0, dtype=dtype.numpy)
    missing = np.full(size - len(values), values[-1], dtype=dtype.numpy)
    return np.concatenate([values, missing]).reshape(shape)


def _bytes_of_last(values: np.ndarray, dtype: DType) -> int:
    """Returns what the last value takes each time that it is repeated, at least."""
    if not dtype.is_string:
        return dtype.numpy.itemsize
    # The array holds one text many times; a model copies each.
    last = values[-1] if len(values) else b""
    return len(last) + _TEXT_OVERHEAD_BYTES
