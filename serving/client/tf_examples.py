"""tf.Examples from plain values: `{"age": 3, "name": ["a", "b"], "x": 0.5}`.

A feature is one value or a list. As in TF Serving's JSON, decimals become a float list,
integers and booleans an int64 list, `str` and `bytes` a bytes list.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from serving import protos
from serving.formats.tensors import CodecError

Example = Mapping[str, Any] | bytes
"""Features by name, or a serialised tf.Example."""


def serialize(example: Any) -> bytes:
    """The bytes of a tf.Example; what has `SerializeToString` is serialised so.

    Raises:
        CodecError: a feature holds something else than numbers, text and bytes, or
            mixes them.
    """
    if isinstance(example, bytes):
        return example
    if hasattr(example, "SerializeToString"):
        return example.SerializeToString()
    message = protos.Example()
    for name, value in example.items():
        kind, values = _typed(name, value)
        getattr(message.features.feature[name], kind).value.extend(values)
    return message.SerializeToString()


def fill_input(field: Any, examples: Sequence[Any], context: Any = None) -> None:
    """Puts examples, and the features they share, into a serving Input message."""
    if context is None:
        target = field.example_list
    else:
        target = field.example_list_with_context
        target.context.MergeFromString(serialize(context))
    for example in examples:
        target.examples.add().MergeFromString(serialize(example))


def to_json(example: Any) -> dict[str, Any]:
    """The features as TF Serving's REST API reads them.

    Raises:
        CodecError: as `serialize`.
    """
    message = protos.Example.FromString(serialize(example))
    return {
        name: _json_values(feature)
        for name, feature in message.features.feature.items()
    }


def _typed(name: str, value: Any) -> tuple[str, list[Any]]:
    values = _as_list(value)
    if not values:
        return "bytes_list", []
    if all(isinstance(item, (str, bytes)) for item in values):
        return "bytes_list", [
            item.encode("utf-8") if isinstance(item, str) else item for item in values
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


def _as_list(value: Any) -> list[Any]:
    if hasattr(value, "tolist"):  # numpy's arrays and numbers
        value = value.tolist()
    if isinstance(value, (str, bytes)) or not isinstance(value, (list, tuple)):
        return [value]
    return [item.item() if hasattr(item, "item") else item for item in value]


def _json_values(feature: Any) -> list[Any]:
    kind = feature.WhichOneof("kind")
    if kind is None:
        return []
    values = list(getattr(feature, kind).value)
    if kind == "bytes_list":
        return [_json_bytes(item) for item in values]
    if kind == "float_list":
        # A float without a point would become an int64 feature; json writes 1.0.
        return [float(item) for item in values]
    return values


def _json_bytes(item: bytes) -> Any:
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(item).decode("ascii")}


def to_json_body(
    signature_name: str, examples: Sequence[Any], context: Any = None
) -> bytes:
    """The body of a REST classify or regress request."""
    body: dict[str, Any] = {
        "signature_name": signature_name,
        "examples": [to_json(example) for example in examples],
    }
    if context is not None:
        body["context"] = to_json(context)
    return json.dumps(body).encode()
