"""The text of values in JSON, as upstream and its RapidJSON write them, and back."""

import base64
import binascii
import decimal
import json
import json.encoder
import math
import re
import struct
from collections.abc import Iterator
from typing import TypeGuard

import numpy as np

from serving.client.wire.tf_serving_names import BASE64_KEY
from serving.server.json_format.exact_parser import Json, JsonObject, Repeated
from serving.server.status import StatusError, invalid_argument

_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_PADDING = "=."
# Python writes the digits of an escape in small letters.
_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})")
ECHO_LIMIT_BYTES = 256
FEW = 48
"""Below this many numbers numpy costs more than it saves."""
_FLOAT32 = struct.Struct("<f")


def string_text(text: str) -> str:
    """Quotes a string; only what must be escaped is."""
    quoted = json.encoder.encode_basestring(text)
    if "\\u" not in quoted:
        return quoted
    return _ESCAPE.sub(lambda match: match.group(1) + match.group(2).upper(), quoted)


def bytes_text(content: bytes) -> str:
    """Quotes a tensor's bytes; what is not UTF-8 passes as it is."""
    return string_text(content.decode("utf-8", "surrogateescape"))


def to_bytes(text: str) -> bytes:
    """Returns UTF-8; bytes that never were UTF-8 come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def float_text(value: float) -> str:
    """Writes a double: six digits if they give it back, otherwise seventeen."""
    if not math.isfinite(value):
        return _special(value)
    short = f"{value:.6g}"
    text = short if float(short) == value else f"{value:.17g}"
    # Without a point a list of whole numbers would read as integers.
    return text if "." in text or "e" in text else f"{text}.0"


def float_texts(values: np.ndarray) -> list[str]:
    """Returns the texts of a flat array of float32, float64, or what fits float32."""
    if values.dtype == np.float64:
        return [float_text(value) for value in values.tolist()]
    with np.errstate(all="ignore"):  # NaN, infinity and zero go through like others
        exact = values.astype(np.float32)
        if len(exact) < FEW:
            return [_float32_text(number) for number in exact.tolist()]
        return _many_texts(exact)


def _float32_text(number: float) -> str:
    if not math.isfinite(number):
        return _special(number)
    short = f"{number:.6g}"
    # Compared as float32: 0.2 is the float32 next to 0.2, not the double.
    is_same = _FLOAT32.unpack(_FLOAT32.pack(float(short)))[0] == number
    text = short if is_same else f"{number:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"


def _many_texts(exact: np.ndarray) -> list[str]:
    numbers = exact.tolist()
    # One format call for all: nine digits always give a float32 back.
    texts = (("%.9g " * len(numbers)) % tuple(numbers)).split()
    wide = exact.astype(np.float64)
    scale = 10.0 ** (5 - np.floor(np.log10(np.abs(wide))))
    distance = np.abs(np.rint(wide * scale) / scale - wide)
    # Six digits may do, or there may be no point: too many pass, never too few.
    is_near = distance <= np.spacing(np.abs(exact))
    is_rare = is_near | (wide == np.rint(wide)) | ~np.isfinite(wide)
    for index in np.flatnonzero(is_rare).tolist():
        texts[index] = _float32_text(numbers[index])
    return texts


def double_text(value: float) -> str:
    """Writes a finite double as RapidJSON itself does: 0.5, 100000.0, 1e30."""
    sign, numbers, exponent = decimal.Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, numbers)).rstrip("0") or "0"
    point = 1 if digits == "0" else len(numbers) + int(exponent)
    minus = "-" if sign else ""
    if len(digits) <= point <= 21:
        return f"{minus}{digits.ljust(point, '0')}.0"
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1}"


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def is_base64(value: Json) -> TypeGuard[JsonObject]:
    """Says whether it is `{"b64": "..."}` and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get(BASE64_KEY), str)
    )


def base64_text(content: bytes) -> str:
    """Returns bytes as such an object."""
    return f'{{"{BASE64_KEY}": "{base64.b64encode(content).decode("ascii")}"}}'


def decode_base64(value: Json, where: str) -> bytes:
    """Returns the bytes of such an object.

    The alphabet is the standard one, padding is optional, spaces are ignored.

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
    text = str(value[BASE64_KEY])
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
    """Prints a value: objects over several lines, arrays on one, 256 bytes at most."""
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
    """Yields None where upstream's writer gives up: at what JSON cannot say."""
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
