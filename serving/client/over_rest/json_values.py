"""Arrays and tf.Examples as TF Serving's REST API writes and reads them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import protos
from ..calls import Example
from ..errors import CodecError
from ..wire import dtypes
from ..wire.tensors import as_bytes
from ..wire.tf_examples import serialize
from ..wire.tf_serving_names import BASE64_KEY


def encode(value: ArrayLike) -> Any:
    """Makes nested lists of an array; bytes that are not UTF-8 as `{"b64": ...}`.

    Raises:
        CodecError: the array's type has no counterpart in JSON.
    """
    array = np.asarray(value)
    if array.dtype.kind in "USO":
        return _map(array.tolist(), _encode_text)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise CodecError(f"REST cannot carry {array.dtype}; use the gRPC transport.")
    return array.tolist()


def decode(value: Any, dtype_name: str) -> np.ndarray:
    """Makes an array of nested lists; strings become an object array of `bytes`."""
    if dtype_name != "string":
        dtype = dtypes.by_name().get(dtype_name)
        return np.array(value, dtype=None if dtype is None else dtype.numpy)
    # {"b64": ...} must become bytes before numpy sees it.
    return np.array(_map(value, _decode_text), dtype=object)


def encode_example(example: Example) -> dict[str, list[Any]]:
    """Lists the features of a tf.Example by name.

    Raises:
        CodecError: as `tf_examples.serialize`.
    """
    message = protos.Example.FromString(serialize(example))
    return {
        name: _feature_values(feature)
        for name, feature in message.features.feature.items()
    }


def _map(value: object, function: Callable[[Any], object]) -> Any:
    if isinstance(value, list):
        return [_map(item, function) for item in value]
    return function(value)


def _encode_text(item: object) -> str | dict[str, str]:
    content = as_bytes(item)
    if isinstance(item, str):
        return item
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return {BASE64_KEY: base64.b64encode(content).decode("ascii")}


def _decode_text(item: Any) -> bytes:
    if isinstance(item, dict):
        return base64.b64decode(item[BASE64_KEY])
    return str(item).encode("utf-8", "surrogateescape")


def _feature_values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return []
    # A float without a point would become an int64 feature; json writes 1.0.
    return [
        _encode_text(item) if kind == "bytes_list" else item
        for item in getattr(feature, kind).value
    ]
