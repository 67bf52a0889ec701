"""Arrays as TF Serving's REST API writes and reads them, for the client."""

import base64
from typing import Any

import numpy as np

from serving.formats import dtypes
from serving.formats.tensors import CodecError


def encode(value: Any) -> Any:
    """Nested lists of an array; bytes that are not UTF-8 as `{"b64": ...}`."""
    array = np.asarray(value)
    if array.dtype.kind in "USO":
        return _map(array.tolist(), _encode_text)
    if array.dtype.kind not in "biuf":
        raise CodecError(f"REST cannot carry {array.dtype}; use the gRPC transport.")
    return array.tolist()


def decode(value: Any, dtype_name: str) -> np.ndarray:
    """The array of nested lists; strings become an object array of `bytes`."""
    if dtype_name != "string":
        return np.array(value, dtype=_numpy_type(dtype_name))
    # {"b64": ...} must become bytes before numpy sees it.
    nested = _map(value, _decode_text)
    return np.array(nested, dtype=object)


def _numpy_type(dtype_name: str) -> np.dtype | None:
    for dtype in dtypes.all_dtypes():
        if dtype.name == dtype_name:
            return dtype.numpy
    return None


def _map(value: Any, function: Any) -> Any:
    if isinstance(value, list):
        return [_map(item, function) for item in value]
    return function(value)


def _encode_text(item: Any) -> Any:
    if isinstance(item, str):
        return item
    if not isinstance(item, bytes):
        raise CodecError(
            f"An array of strings holds {item!r} ({type(item).__name__}); "
            "only str and bytes can be sent. A ragged list also ends here: pad it."
        )
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(item).decode("ascii")}


def _decode_text(item: Any) -> bytes:
    if isinstance(item, dict):
        return base64.b64decode(item["b64"])
    return str(item).encode("utf-8", "surrogateescape")
