"""TensorFlow's data types: number, name, numpy type, field of TensorProto."""

import dataclasses
import functools
import importlib.util

import numpy as np
from numpy.typing import DTypeLike

from .. import protos


@dataclasses.dataclass(frozen=True)
class DType:
    """One row. `field` is the typed field of TensorProto, `name` what messages say."""

    number: int
    name: str
    field: str
    numpy: np.dtype

    @functools.cached_property
    def is_string(self) -> bool:
        """True for bytes of any length; numpy keeps them as objects."""
        return self.name == "string"


@functools.cache
def all_dtypes() -> tuple[DType, ...]:
    """Lists every type that can be sent; bfloat16 only where numpy can hold it."""
    rows: list[tuple[int, str, str, DTypeLike]] = [
        (1, "float", "float_val", "float32"),
        (2, "double", "double_val", "float64"),
        (3, "int32", "int_val", "int32"),
        (4, "uint8", "int_val", "uint8"),
        (5, "int16", "int_val", "int16"),
        (6, "int8", "int_val", "int8"),
        (7, "string", "string_val", "object"),
        (8, "complex64", "scomplex_val", "complex64"),
        (9, "int64", "int64_val", "int64"),
        (10, "bool", "bool_val", "bool"),
        (17, "uint16", "int_val", "uint16"),
        (18, "complex128", "dcomplex_val", "complex128"),
        (19, "half", "half_val", "float16"),
        (22, "uint32", "uint32_val", "uint32"),
        (23, "uint64", "uint64_val", "uint64"),
    ]
    if importlib.util.find_spec("ml_dtypes") is not None:  # TensorFlow brings it
        import ml_dtypes

        rows.append((14, "bfloat16", "half_val", ml_dtypes.bfloat16))
    return tuple(DType(n, name, field, np.dtype(kind)) for n, name, field, kind in rows)


@functools.cache
def by_number() -> dict[int, DType]:
    """Maps the number in `tensorflow.DataType` to the row."""
    return {dtype.number: dtype for dtype in all_dtypes()}


@functools.cache
def by_numpy() -> dict[np.dtype, DType]:
    """Maps numpy's type to the row."""
    return {dtype.numpy: dtype for dtype in all_dtypes()}


@functools.cache
def by_name() -> dict[str, DType]:
    """Maps TensorFlow's word, such as `float`, to the row."""
    return {dtype.name: dtype for dtype in all_dtypes()}


# Bounded, because requests may name types that do not exist.
@functools.lru_cache(maxsize=64)
def name_of(number: int) -> str:
    """Gives TensorFlow's word for a type, also for types that we cannot carry."""
    try:
        name: str = protos.enum(protos.DATA_TYPE).Name(number)
    except ValueError:
        return f"unknown dtype enum ({number})"
    return name.removeprefix("DT_").lower()
