"""Text in JSON as RapidJSON writes it, and back to the bytes it was."""

import json.encoder
import re

# Python writes the digits of an escape in small letters.
_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*\\u)([0-9a-f]{4})")


def string_text(text: str) -> str:
    """A quoted string: only what must be escaped is."""
    quoted = json.encoder.encode_basestring(text)
    if "\\u" not in quoted:
        return quoted
    return _ESCAPE.sub(lambda match: match.group(1) + match.group(2).upper(), quoted)


def bytes_text(content: bytes) -> str:
    """The same of a tensor's bytes; what is no UTF-8 passes as it is."""
    return string_text(content.decode("utf-8", "surrogateescape"))


def to_bytes(text: str) -> bytes:
    """UTF-8; bytes that never were UTF-8 come back as they were."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
