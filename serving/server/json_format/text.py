"""Text, bytes and whole values as JSON that RapidJSON would write, and back."""

import base64
import binascii
import json
import json.encoder
import math
import re
from collections.abc import Iterator

from serving.formats.tf_serving_names import BASE64_KEY
from serving.server.json_format.exact_parser import Json, Repeated
from serving.server.json_format.numbers import double_text
from serving.server.status import StatusError, invalid_argument

_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_PADDING = "=."
# Python writes the digits of an escape in small letters.
_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})")
ECHO_LIMIT_BYTES = 256


def string_text(text: str) -> str:
    """A quoted string: only what must be escaped is."""
    quoted = json.encoder.encode_basestring(text)
    if "\\u" not in quoted:
        return quoted
    return _ESCAPE.sub(lambda match: match.group(1) + match.group(2).upper(), quoted)


def bytes_text(content: bytes) -> str:
    """The same of a tensor's bytes; what is not UTF-8 passes as it is."""
    return string_text(content.decode("utf-8", "surrogateescape"))


def to_bytes(text: str) -> bytes:
    """UTF-8; bytes that never were UTF-8 come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def is_base64(value: Json) -> bool:
    """`{"b64": "..."}` and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get(BASE64_KEY), str)
    )


def base64_text(content: bytes) -> str:
    """Bytes as such an object."""
    return f'{{"{BASE64_KEY}": "{base64.b64encode(content).decode("ascii")}"}}'


def decode_base64(value: Json, where: str) -> bytes:
    """The bytes of such an object: standard alphabet, padding optional, spaces ignored.

    Args:
        value: any JSON value.
        where: says in an error which one it is, as in "value 3".

    Raises:
        StatusError: it is not such an object, or its text is not base64.
    """
    if not is_base64(value):
        raise invalid_argument(
            f"JSON Value: {echo(value)} not formatted correctly for base64 data"
        )
    text = value[BASE64_KEY]
    core = text.rstrip(_PADDING)
    missing = -len(core) % 4
    try:
        if len(text) - len(core) not in (0, missing):
            raise ValueError("wrong padding")
        return base64.b64decode(core + "=" * missing, validate=True)
    except (binascii.Error, ValueError):
        pass
    return _decode_exactly(text, where)


def _decode_exactly(text: str, where: str) -> bytes:
    text = _SPACE.sub("", text)
    core = text.rstrip(_PADDING)
    missing = -len(core) % 4
    foreign = _FOREIGN.search(core)
    if foreign:
        reason = f"the character {foreign.group()!r} at position {foreign.start()}"
        if foreign.group() in "-_":
            reason += " is of the URL-safe alphabet"
        raise _refused(where, reason)
    if missing == 3:
        raise _refused(where, f"{len(core)} characters are no whole number of bytes")
    if len(text) - len(core) not in (0, missing):
        raise _refused(where, f"the padding must be {'=' * missing!r} or nothing")
    return binascii.a2b_base64(core + "=" * missing)


def _refused(where: str, reason: str) -> StatusError:
    return invalid_argument(
        f"Unable to base64 decode: {where}, {reason}. The standard alphabet is "
        "expected: A-Z, a-z, 0-9, '+' and '/'."
    )


def type_name(value: Json) -> str:
    """RapidJSON's name of a value's type."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    for kind, name in ((dict, "Object"), (list, "Array"), (str, "String")):
        if isinstance(value, kind):
            return name
    return "Number"


def echo(value: Json) -> str:
    """The value: objects over several lines, arrays on one, cut after 256 bytes."""
    parts: list[str] = []
    size = 0
    for part in _parts(value, 0):
        if part is None:
            break
        parts.append(part)
        size += len(to_bytes(part))
        if size >= ECHO_LIMIT_BYTES:
            break
    return "".join(parts)


def _parts(value: Json, level: int) -> Iterator[str | None]:
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


def _object_parts(value: dict[str, Json], level: int) -> Iterator[str | None]:
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
