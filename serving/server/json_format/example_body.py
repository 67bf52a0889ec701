"""REST classify and regress: `examples` in, `results` out, by upstream's rules."""

import dataclasses
import itertools
from typing import Any

import numpy as np

from serving.client import protos
from serving.server.json_format import predict_body
from serving.server.json_format.answer import INDENT
from serving.server.json_format.exact_parser import Json, JsonObject, Repeated
from serving.server.json_format.text import (
    bytes_text,
    decode_base64,
    float_texts,
    is_base64,
    to_bytes,
    type_name,
)
from serving.server.requests.results import Classes, Values
from serving.server.status import StatusError, invalid_argument
from serving.version_dirs import INT64_MAX

CONTEXT, EXAMPLES = "context", "examples"

# Kind of a value: the field of Feature, and what messages call it.
_KIND_NAMES = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


@dataclasses.dataclass(frozen=True)
class ExamplesBody:
    """What a classify or regress body asks for; `message` is an `Input`."""

    signature_name: str
    message: "protos.Input"


def parse_examples(body: bytes) -> ExamplesBody:
    """Reads the examples of a classify or regress body; needs no model.

    Raises:
        StatusError: the body is not a list of examples.
    """
    document = predict_body.parse_object(body)
    name = predict_body.signature_name(document)
    message = protos.Input()
    target = message.example_list.examples
    if CONTEXT in document:
        listed = message.example_list_with_context
        listed.context.SetInParent()
        _fill_example(document[CONTEXT], listed.context)
        target = listed.examples
    for value in _checked_examples(document):
        _fill_example(value, target.add())
    return ExamplesBody(name, message)


def _checked_examples(document: JsonObject) -> list[Json]:
    if EXAMPLES not in document:
        raise predict_body.format_error(
            document,
            f"When method is classify, key '{EXAMPLES}' is expected and was not found",
        )
    found = document[EXAMPLES]
    if not isinstance(found, list):
        raise predict_body.format_error(
            document, f"Expecting '{EXAMPLES}' value to be an list/array"
        )
    if not found:
        raise predict_body.format_error(
            document, f"'{EXAMPLES}' value is an empty array"
        )
    return found


def _fill_example(value: Json, example: "protos.Example") -> None:
    if not isinstance(value, dict):
        raise invalid_argument(
            f"Example must be JSON object but got JSON {type_name(value)}"
        )
    features = example.features.feature
    example.features.SetInParent()
    # Of a name that comes twice the last counts, here and only here.
    pairs = value.pairs if isinstance(value, Repeated) else value.items()
    for name, content in pairs:
        items: list[Json] = content if isinstance(content, list) else [content]
        # Upstream's name ends at a zero byte; what is not UTF-8 cannot be a key.
        key = to_bytes(name.partition("\0")[0]).decode("utf-8", "replace")
        kind, values = _feature_values(key, items)
        feature = features[key]
        feature.Clear()
        if kind:
            getattr(feature, kind).value.extend(values)


def _feature_values(name: str, items: list[Json]) -> tuple[str, list[Json]]:
    """Returns the list of a feature, by the kind of its first value; empty: no kind."""
    kind, values = "", []
    for item in items:
        found, value = _typed(name, item)
        if kind not in ("", found):
            raise invalid_argument(
                f"Unexpected element type in feature: {name} "
                f"expecting type: {_KIND_NAMES[kind]}"
            )
        if found == "int64_list" and value > INT64_MAX:
            raise invalid_argument(
                f"Feature: {name} has uint64_t element. Only int64_t is supported."
            )
        kind = found
        values.append(value() if callable(value) else value)
    return kind, values


def _typed(name: str, item: Json) -> tuple[str, Any]:
    if isinstance(item, str):
        return "bytes_list", to_bytes(item)
    if isinstance(item, int):  # bool is one of them
        return "int64_list", int(item)
    if isinstance(item, float):
        return "float_list", _to_float32(item)
    if is_base64(item):
        # Decoded only after its kind has been found to fit.
        return "bytes_list", lambda: decode_base64(item, f"a value of feature {name}")
    raise _unexpected(name, item)


def _to_float32(value: float) -> float:
    """Makes infinite what is beyond float's range; protobuf would refuse it."""
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def _unexpected(name: str, item: Json) -> StatusError:
    return invalid_argument(
        f"Feature: {name} has element with unexpected JSON type: {type_name(item)}"
    )


def results_answer(found: Classes | Values) -> bytes:
    """Writes the body: `results`, one per example."""
    if isinstance(found, Values):
        texts = ", ".join(float_texts(found.values))
        return to_bytes(f'{{\n{INDENT}"results": [{texts}]\n}}')
    rows = ", ".join(_class_texts(found))
    return to_bytes(f'{{\n{INDENT}"results": [{rows}\n{INDENT}]\n}}')


def _class_texts(found: Classes) -> list[str]:
    """Writes per example `[["label", 0.5], ...]`."""
    count, size = found.shape
    total = count * size
    labels, scores = found.labels, found.scores
    names = ['""'] * total if labels is None else _label_texts(labels.ravel().tolist())
    numbers = ["0.0"] * total if scores is None else float_texts(scores.ravel())
    pairs = [f"[{n}, {x}]" for n, x in zip(names, numbers, strict=True)]
    starts = itertools.islice(itertools.count(0, size), count)
    return [f"[{', '.join(pairs[start : start + size])}]" for start in starts]


def _label_texts(labels: list[bytes]) -> list[str]:
    texts = {label: bytes_text(label) for label in set(labels)}
    return [texts[label] for label in labels]
