r"""Arrays of what callers give for an input, with every text as it is.

numpy alone drops the zero bytes at the end of `b"png\0"`, and makes the texts "3" and
"nan" of a 3 and a NaN that stand between texts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import CodecError
from .tensors import as_bytes


def exact_array(value: Any, place: str) -> np.ndarray:
    """Gives the value as an array; texts as an array of UTF-8 `bytes`.

    Args:
        value: an array, or what numpy makes one of.
        place: of the value, for messages: `inputs['x']`.

    Raises:
        CodecError: it is ragged, has masked values, or text beside something else; the
            message has the item's index and type, never what it says.
    """
    if np.ma.is_masked(value):
        raise CodecError(
            f"{place} has masked values, which cannot be sent; fill them: "
            "array.filled(...)."
        )
    array = _array(value, place)
    if array.dtype.kind not in "USO":
        return array
    items = array.ravel().tolist()
    encoded = np.empty(len(items), dtype=object)
    encoded[:] = [as_bytes(x, f"{place}, item {i}") for i, x in enumerate(items)]
    return encoded.reshape(array.shape)


def _array(value: Any, place: str) -> np.ndarray:
    try:
        if isinstance(_first(value), (str, bytes)):
            return np.array(value, dtype=object)
        array = np.asarray(value)
        # numpy has made the texts; in an array or a column, they were texts before.
        is_converted = array.dtype.kind in "US" and not hasattr(value, "dtype")
        return np.array(value, dtype=object) if is_converted else array
    except ValueError as error:
        raise CodecError(
            f"{place} cannot become an array: {error} A ragged list must be padded."
        ) from None


def _first(value: Any) -> Any:
    """The first item of nested lists."""
    while isinstance(value, (list, tuple)) and len(value):
        value = value[0]
    return value
