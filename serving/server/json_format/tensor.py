"""One JSON value becomes one tensor."""

import itertools
from typing import Any

import numpy as np

from serving.client.wire import dtypes
from serving.server.json_format import ragged
from serving.server.json_format.exact_parser import Json
from serving.server.json_format.text import decode_base64, echo, to_bytes, type_name
from serving.server.status import Code, StatusError, invalid_argument

MAX_RANK = 32
"""numpy's limit; no model has as many dimensions."""

# The narrow integers take what fits int32, then wrap, as upstream does.
_INT_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int16": (-(2**31), 2**31 - 1),
    "int8": (-(2**31), 2**31 - 1),
    "uint8": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}
_FLOATS = ("float", "double")


class RaggedError(StatusError):
    """Lists of one level that differ in length; padding would mend it."""


def to_tensor(value: Json, dtype_number: int) -> np.ndarray:
    """Returns a dense tensor of nested lists; a scalar for a plain value.

    Raises:
        StatusError: ragged, or a value of another type.
    """
    fast = try_fast(value, dtype_number) if isinstance(value, list) else None
    if fast is not None:
        return fast
    shape = _shape_of(value, MAX_RANK)
    flat: list[Json] = []
    _collect(value, 0, shape, dtypes.name_of(dtype_number), flat)
    return _to_array(flat, dtype_number).reshape(shape)


class RowBuilder:
    """Collects the rows of one input; all must have the shape of the first."""

    def __init__(self, dtype_number: int) -> None:
        self._dtype_number = dtype_number
        self._dtype_name = dtypes.name_of(dtype_number)
        self._shape: tuple[int, ...] | None = None
        self._size = 0
        self._flat: list[Json] = []
        self._rows = 0

    def add(self, item: Json) -> None:
        """One more row."""
        shape = _shape_of(item, MAX_RANK - 1)
        before = len(self._flat)
        try:
            _collect(item, 0, shape, self._dtype_name, self._flat)
        except RaggedError as error:
            raise invalid_argument(error.message + ragged.HINT) from None
        size = len(self._flat) - before
        if self._shape is None:
            self._shape, self._size = shape, size
        elif size != self._size:
            text = f"Expecting tensor size: {self._size} but got: {size}"
            raise invalid_argument(text + self._hint(shape))
        elif shape != self._shape:
            wanted, found = _shape_text(self._shape), _shape_text(shape)
            text = f"Expecting shape {wanted} but got: {found}"
            raise invalid_argument(text + self._hint(shape))
        self._rows += 1

    def _hint(self, shape: tuple[int, ...]) -> str:
        return ragged.HINT if len(shape) == len(self._shape or ()) else ""

    def tensor(self) -> np.ndarray:
        """Returns all rows, batch first."""
        shape = (self._rows, *(self._shape or ()))
        return _to_array(self._flat, self._dtype_number).reshape(shape)


def try_fast(value: list[Json], dtype_number: int) -> np.ndarray | None:
    """Returns the tensor of a regular list of plain values; None where it is not."""
    name = dtypes.name_of(dtype_number)
    shape = [len(value)]
    level: list[Any] = value  # `kinds` tells what is in it
    while (kinds := set(map(type, level))) == {list}:
        if len(set(map(len, level))) != 1 or len(shape) == MAX_RANK:
            return None
        shape.append(len(level[0]))
        level = list(itertools.chain.from_iterable(level))
    if not _is_plain(kinds, name):
        return None
    if name in _INT_RANGES:
        low, high = _INT_RANGES[name]
        if min(level) < low or max(level) > high:
            return None
    return _to_array(level, dtype_number).reshape(shape)


def _is_plain(kinds: set[type], name: str) -> bool:
    if name in _FLOATS:
        return bool(kinds) and kinds <= {float, int}
    if name == "string":
        return kinds == {str}
    if name == "bool":
        return kinds == {bool}
    return name in _INT_RANGES and kinds == {int}


def _shape_of(value: Json, max_rank: int) -> tuple[int, ...]:
    """Returns sizes along the first element of every level."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > max_rank:
        raise invalid_argument(
            f"Encountered lists nested {len(shape)} deep; at most {max_rank} levels "
            "can be a tensor."
        )
    return tuple(shape)


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _collect(
    value: Json, level: int, shape: tuple[int, ...], dtype: str, flat: list[Json]
) -> None:
    rank = len(shape)
    if not isinstance(value, list):
        if level != rank:
            raise invalid_argument(
                f"JSON Value: {echo(value)} found at incorrect level: {level + 1} "
                f"in the JSON DOM. Expected at level: {rank}"
            )
        flat.append(_scalar(value, dtype, len(flat)))
        return
    if level >= rank:
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {rank}"
        )
    if len(value) != shape[level]:
        raise RaggedError(
            Code.INVALID_ARGUMENT,
            f"Encountered list at unexpected size: {len(value)} at level: {level} "
            f"expected size: {shape[level]}",
        )
    for item in value:
        _collect(item, level + 1, shape, dtype, flat)


def _scalar(value: Json, dtype: str, position: int) -> Any:
    if isinstance(value, dict):
        if dtype != "string":
            raise _type_error(value, dtype)
        return decode_base64(value, f"value {position} of the tensor")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if dtype in _FLOATS:
        fits = is_number
    elif dtype in _INT_RANGES:
        low, high = _INT_RANGES[dtype]
        fits = is_number and isinstance(value, int) and low <= value <= high
    elif dtype in ("bool", "string"):
        fits = isinstance(value, bool if dtype == "bool" else str)
    else:
        text = f"Conversion of JSON Value: {echo(value)} to type: {dtype}"
        raise StatusError(Code.UNIMPLEMENTED, text)
    if not fits:
        raise _type_error(value, dtype)
    return value


def _type_error(value: Json, dtype: str) -> StatusError:
    return invalid_argument(
        f"JSON Value: {echo(value)} Type: {type_name(value)} "
        f"is not of expected type: {dtype}"
    )


def _to_array(flat: list[Json], dtype_number: int) -> np.ndarray:
    dtype = dtypes.by_number().get(dtype_number)
    if dtype is None:
        raise StatusError(
            Code.UNIMPLEMENTED,
            f"Conversion of JSON Value to type: {dtypes.name_of(dtype_number)}",
        )
    if dtype.is_string:
        array = np.empty(len(flat), dtype=object)
        try:
            array[:] = [i.encode() if isinstance(i, str) else i for i in flat]
        except UnicodeEncodeError:  # bytes that are not UTF-8, which are rare
            array[:] = [to_bytes(i) if isinstance(i, str) else i for i in flat]
        return array
    if dtype.name in ("int16", "int8", "uint8"):
        return np.array(flat, dtype=np.int32).astype(dtype.numpy)
    if dtype.name in _FLOATS:
        with np.errstate(over="ignore"):  # beyond float's range it becomes inf
            return np.array(flat, dtype=np.float64).astype(dtype.numpy)
    return np.array(flat, dtype=dtype.numpy)
