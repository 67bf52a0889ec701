"""JSON values re-printed for messages, as upstream does: "JSON Value: ..."."""

import json
import math
from collections.abc import Iterator
from typing import Any

from serving.server.json_format.numbers import double_text
from serving.server.json_format.parser import Repeated
from serving.server.json_format.text import string_text, to_bytes

LIMIT_BYTES = 256


def type_name(value: Any) -> str:
    """RapidJSON's name of a value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    for kind, name in ((dict, "Object"), (list, "Array"), (str, "String")):
        if isinstance(value, kind):
            return name
    return "Number"


def echo(value: Any) -> str:
    """The value: objects over several lines, arrays on one, cut after 256 bytes."""
    parts: list[str] = []
    size = 0
    for part in _parts(value, 0):
        if part is None:
            break
        parts.append(part)
        size += len(to_bytes(part))
        if size >= LIMIT_BYTES:
            break
    return "".join(parts)


def _parts(value: Any, level: int) -> Iterator[str | None]:
    """None where upstream's writer gives up: at what JSON cannot say."""
    if isinstance(value, dict):
        yield from _object_parts(value, level)
    elif isinstance(value, list):
        # One comma with each item: upstream looks at the size before every value.
        yield "["
        for index, item in enumerate(value):
            yield from _after(", " if index else "", _parts(item, level + 1))
        yield "]"
    elif isinstance(value, float):
        yield double_text(value) if math.isfinite(value) else None
    else:
        yield string_text(value) if isinstance(value, str) else json.dumps(value)


def _object_parts(value: dict[str, Any], level: int) -> Iterator[str | None]:
    pairs = value.pairs if isinstance(value, Repeated) else value.items()
    yield "{"
    for index, (name, item) in enumerate(pairs):
        start = ",\n" if index else "\n"
        yield start + " " * 4 * (level + 1) + string_text(name)
        yield from _after(": ", _parts(item, level + 1))
    yield f"\n{' ' * 4 * level}}}" if value else "}"


def _after(start: str, parts: Iterator[str | None]) -> Iterator[str | None]:
    first = next(parts)
    if first is None:
        yield start
    yield None if first is None else start + first
    yield from parts
