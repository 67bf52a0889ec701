"""Tensors become the JSON of a REST answer, as upstream writes it."""

import math
import operator
from collections.abc import Mapping

import numpy as np

from serving.client.wire import dtypes
from serving.server.json_format.text import (
    base64_text,
    bytes_text,
    float_texts,
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
    """Writes the body: `predictions`, one per row, or `outputs`, one per name.

    Raises:
        StatusError: a type that JSON cannot carry, or rows that do not match.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    key, text = ("predictions", _rows) if is_row else ("outputs", _columns)
    body = f'{{\n{INDENT}"{key}": {text(dict(sorted(outputs.items())))}\n}}'
    return to_bytes(body)


def error_answer(message: str) -> bytes:
    """Writes the body of every error."""
    return to_bytes(f'{{\n{INDENT}"error": {string_text(message)}\n}}')


def _columns(outputs: Mapping[str, np.ndarray]) -> str:
    texts = {name: _nested(_leaves(name, a), a.shape) for name, a in outputs.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    members = [f"{string_text(name)}: {text}" for name, text in texts.items()]
    inner = f",\n{INDENT * 2}".join(members)
    return f"{{\n{INDENT * 2}{inner}\n{INDENT}}}"


def _rows(outputs: Mapping[str, np.ndarray]) -> str:
    _check_batch_size(outputs)
    columns = [_row_texts(name, array) for name, array in outputs.items()]
    if len(columns) == 1:
        return f"[{', '.join(columns[0])}\n{INDENT}]"
    heads = [f"{string_text(name)}: " for name in outputs]
    start, end = f"\n{INDENT * 2}{{\n{INDENT * 3}", f"\n{INDENT * 2}}}"
    between = f",\n{INDENT * 3}"
    rows = [
        f"{start}{between.join(map(operator.add, heads, texts))}{end}"
        for texts in zip(*columns, strict=True)
    ]
    return f"[{','.join(rows)}\n{INDENT}]"


def _check_batch_size(outputs: Mapping[str, np.ndarray]) -> None:
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


def _row_texts(name: str, array: np.ndarray) -> list[str]:
    """Returns the text of each row."""
    leaves = _leaves(name, array)
    if array.ndim == 1:
        return leaves
    size = math.prod(array.shape[1:])
    starts = range(0, len(array) * size, size) if size else [0] * len(array)
    rows = [leaves[start : start + size] for start in starts]
    if array.ndim == 2:
        return [f"[{', '.join(row)}]" for row in rows]
    return [_nested(row, array.shape[1:]) for row in rows]


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
    """Returns the texts of all values, flat."""
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


def _string_texts(items: list[bytes | str], *, as_bytes: bool) -> list[str]:
    # Labels repeat from row to row, so each different one is written once.
    to_text = base64_text if as_bytes else bytes_text
    texts = dict.fromkeys(items, "")
    for item in texts:
        texts[item] = to_text(item if isinstance(item, bytes) else item.encode())
    return [texts[item] for item in items]


def _cannot_write(dtype_name: str) -> StatusError:
    return invalid_argument(f"Failed to write JSON value for tensor type: {dtype_name}")
