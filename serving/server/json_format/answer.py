"""Tensors become the JSON of a REST answer, as upstream writes it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.formats import dtypes
from serving.server.json_format.numbers import float_texts
from serving.server.json_format.text import (
    base64_text,
    bytes_text,
    string_text,
    to_bytes,
)
from serving.server.status import StatusError, invalid_argument

_WRITABLE = (
    "float", "double", "int32", "int16", "int8", "uint8",
    "string", "int64", "bool", "uint32", "uint64",
)  # fmt: skip
INDENT = "    "


def predict_answer(outputs: Mapping[str, np.ndarray], *, is_row: bool) -> bytes:
    """The body: `predictions`, one per row, or `outputs`, one per name.

    Raises:
        StatusError: a type that JSON cannot carry, or rows that do not match.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    key, text = ("predictions", _rows) if is_row else ("outputs", _columns)
    body = f'{{\n{INDENT}"{key}": {text(dict(sorted(outputs.items())))}\n}}'
    return to_bytes(body)


def error_answer(message: str) -> bytes:
    """The body of every error."""
    return to_bytes(f'{{\n{INDENT}"error": {string_text(message)}\n}}')


def _columns(outputs: Mapping[str, np.ndarray]) -> str:
    texts = {name: _nested(_leaves(name, a), a.shape) for name, a in outputs.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    members = [f"{string_text(name)}: {text}" for name, text in texts.items()]
    inner = f",\n{INDENT * 2}".join(members)
    return f"{{\n{INDENT * 2}{inner}\n{INDENT}}}"


def _rows(outputs: Mapping[str, np.ndarray]) -> str:
    count = _batch_size(outputs)
    columns = {name: _row_texts(name, array) for name, array in outputs.items()}
    if len(columns) == 1:
        return f"[{', '.join(next(iter(columns.values())))}\n{INDENT}]"
    names = [string_text(name) for name in columns]
    rows = [
        _object(names, [texts[index] for texts in columns.values()])
        for index in range(count)
    ]
    return f"[{','.join(rows)}\n{INDENT}]"


def _object(names: list[str], texts: list[str]) -> str:
    members = [f"{n}: {text}" for n, text in zip(names, texts, strict=True)]
    inner = f",\n{INDENT * 3}".join(members)
    return f"\n{INDENT * 2}{{\n{INDENT * 3}{inner}\n{INDENT * 2}}}"


def _batch_size(outputs: Mapping[str, np.ndarray]) -> int:
    size = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if size not in (-1, len(array)):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {size}"
            )
        size = len(array)
    return size


def _row_texts(name: str, array: np.ndarray) -> list[str]:
    leaves = _leaves(name, array)
    if array.ndim == 1:
        return leaves
    row_shape = array.shape[1:]
    size = int(np.prod(row_shape))
    return [
        _nested(leaves[index * size : (index + 1) * size], row_shape)
        for index in range(len(array))
    ]


def _nested(leaves: list[str], shape: tuple[int, ...]) -> str:
    if not shape:
        return leaves[0]
    for size in reversed(shape[1:]):
        count = len(leaves) // size if size else int(np.prod(shape[:-1]))
        leaves = [
            f"[{', '.join(leaves[i * size : (i + 1) * size])}]" for i in range(count)
        ]
        shape = shape[:-1]
    return f"[{', '.join(leaves)}]"


def _leaves(name: str, array: np.ndarray) -> list[str]:
    """The texts of all values, flat."""
    flat = np.asarray(array).ravel()
    dtype = dtypes.by_numpy().get(flat.dtype)
    if dtype is None or dtype.name not in _WRITABLE:
        raise _cannot_write(dtype.name if dtype else str(flat.dtype))
    if dtype.is_string:
        return _string_texts(flat.tolist(), as_bytes=name.endswith("_bytes"))
    if dtype.name in ("float", "double"):
        return float_texts(flat)
    if dtype.name == "bool":
        return ["true" if item else "false" for item in flat.tolist()]
    return list(map(str, flat.tolist()))


def _string_texts(items: list[Any], *, as_bytes: bool) -> list[str]:
    # Labels repeat from row to row, so each different one is written once.
    to_text = base64_text if as_bytes else bytes_text
    texts = {item: to_text(_content(item)) for item in set(items)}
    return [texts[item] for item in items]


def _content(item: bytes | str) -> bytes:
    return item if isinstance(item, bytes) else item.encode()


def _cannot_write(dtype_name: str) -> StatusError:
    return invalid_argument(f"Failed to write JSON value for tensor type: {dtype_name}")
