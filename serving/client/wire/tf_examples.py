"""tf.Examples from plain values: `{"age": 3, "name": ["a", "b"], "x": 0.5}`.

A feature is one value or a list. As in TF Serving's JSON, decimals become a float list,
integers and booleans an int64 list, `str` and `bytes` a bytes list.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError

from .. import protos
from ..calls import Example
from ..errors import CodecError
from ..rows import lone_surrogate


def checked(example: Example, place: str) -> bytes:
    """Serialises as `serialize`, and reads what is serialised already.

    Args:
        example: what the caller gave.
        place: where, for messages: `examples[3]`.

    Raises:
        TypeError: it is no tf.Example in any form.
        CodecError: as `serialize`; or the bytes are none.
    """
    is_message = hasattr(example, "SerializeToString")
    if not (is_message or isinstance(example, (Mapping, bytes))):
        raise TypeError(
            f"{place} is of type {type(example).__name__}; a tf.Example is a mapping "
            "of feature name to value or list, a serialised one, or the message."
        )
    try:
        serialized = serialize(example)
        if not isinstance(example, Mapping):
            protos.Example.FromString(serialized)
    except CodecError as error:
        raise CodecError(f"{place}: {error}") from None
    except (DecodeError, TypeError):
        raise CodecError(
            f"{place}: this {type(example).__name__} is no serialised tf.Example."
        ) from None
    return serialized


def serialize(example: Example) -> bytes:
    """Serialises a tf.Example.

    Raises:
        CodecError: a feature holds something else than numbers, text and bytes, mixes
            them, or has a name that cannot be sent.
    """
    if isinstance(example, bytes):
        return example
    if hasattr(example, "SerializeToString"):
        return example.SerializeToString()
    message = protos.Example()
    for name, value in example.items():
        if not isinstance(name, str):
            raise CodecError(
                f"A feature's name is of type {type(name).__name__}, no str."
            )
        kind, values = _typed(name, value)
        try:
            feature = message.features.feature[name]
        except UnicodeEncodeError as error:
            raise CodecError(lone_surrogate("The name of a feature", error)) from None
        try:
            getattr(feature, kind).value.extend(values)
        except ValueError:  # whose message repeats the number
            raise CodecError(
                f"Feature {name!r} holds an int beyond 64 bits, which cannot be sent."
            ) from None
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
