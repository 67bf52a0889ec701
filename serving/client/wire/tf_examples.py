"""tf.Examples from plain values: `{"age": 3, "name": ["a", "b"], "x": 0.5}`.

A feature is one value or a list. As in TF Serving's JSON, decimals become a float list,
integers and booleans an int64 list, `str` and `bytes` a bytes list.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message

from .. import protos
from ..calls import Example
from ..errors import CodecError
from ..rows import lone_surrogate


def serialize(example: Example) -> bytes:
    """Serialises a tf.Example.

    Raises:
        CodecError: a feature holds something else than numbers, text and bytes, or
            mixes them.
    """
    if isinstance(example, bytes):
        return example
    if isinstance(example, Message):
        return example.SerializeToString()
    message = protos.Example()
    for name, value in example.items():
        kind, values = _typed(name, value)
        getattr(message.features.feature[name], kind).value.extend(values)
    return message.SerializeToString()


def _typed(name: str, value: object) -> tuple[str, list[Any]]:
    values = _as_list(value)
    if not values:
        return "bytes_list", []
    if all(isinstance(item, (str, bytes)) for item in values):
        return "bytes_list", [
            _encoded(name, item) if isinstance(item, str) else item for item in values
        ]
    # bool is an int in Python, as it is in a tf.Example.
    if all(isinstance(item, int) for item in values):
        return "int64_list", [int(item) for item in values]
    if all(isinstance(item, float) for item in values):
        return "float_list", values
    kinds = ", ".join(sorted({type(item).__name__ for item in values}))
    raise CodecError(
        f"Feature {name!r} holds {kinds}; a feature is one value or a flat list, all "
        "float, all int (or bool), or all str and bytes."
    )


def _encoded(name: str, text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CodecError(lone_surrogate(f"Feature {name!r}", error)) from None


def _as_list(value: object) -> list[Any]:
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple)):
        return [value]
    return [item.item() if hasattr(item, "item") else item for item in value]
