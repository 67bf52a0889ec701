"""Bytes in JSON: `{"b64": "..."}`, decoded as upstream does, with more to say."""

import base64
import binascii
import re
from typing import Any

from serving.formats.tf_serving_names import BASE64_KEY
from serving.server.json_format.echo import echo
from serving.server.status import StatusError, invalid_argument

_SPACE = re.compile(r"[ \t\n\v\f\r]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")
_PADDING = "=."


def is_base64(value: Any) -> bool:
    """`{"b64": "..."}` and nothing else."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and isinstance(value.get(BASE64_KEY), str)
    )


def base64_text(content: bytes) -> str:
    """Bytes as such an object."""
    return f'{{"{BASE64_KEY}": "{base64.b64encode(content).decode("ascii")}"}}'


def decode_base64(value: dict[str, Any], where: str) -> bytes:
    """The bytes of such an object: standard alphabet, padding optional, spaces ignored.

    Args:
        value: any JSON object.
        where: says in an error which one it is, as in "value 3".

    Raises:
        StatusError: it is no such object, or its text is no base64.
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
