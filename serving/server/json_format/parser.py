"""JSON as RapidJSON 1.1.0 reads it, down to the words and offsets of its errors.

Python's parser is the fast way. The exact one runs when that refuses, or when it would
let pass what RapidJSON does not.
"""

import json
import math
import re

from serving.server.json_format.exact_parser import (
    Json,
    JsonError,
    JsonObject,
    Reader,
    Repeated,
    to_integer,
)

# Half a surrogate pair in escapes, on either side.
_LONE_SURROGATE = re.compile(
    rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])"
    rb"|(?<!\\u[dD][89abAB]..\\u[dD])[c-fC-F])",
    re.DOTALL,
)
# Python makes infinite, without a word, what RapidJSON refuses as too big. One letter
# in front lets the search run at the speed of memory; the last pattern decides.
_LARGE_EXPONENT = re.compile(rb"e\+?[0-9]{3}")
_LARGE_CAPITAL_EXPONENT = re.compile(rb"E\+?[0-9]{3}")
_LARGE_NUMBER = re.compile(rb"(?:^|[\[,:\s])-?[0-9.]+[eE]\+?[0-9]{3}")
_SPACE = " \t\n\r"
# The exact reader takes a second for this much. Where Python says that a larger text is
# wrong, its place is near enough.
_EXACT_BYTES = 512 * 1024
_ROUGH_WORDS = {
    "Expecting property name enclosed in double quotes": (
        "Missing a name for object member."
    ),
    "Expecting ':' delimiter": "Missing a colon after a name of object member.",
    "Expecting ',' delimiter": "Missing a comma or ']' after an array element.",
}


def parse(body: bytes) -> Json:
    """Returns the value at the start of `body`; what follows it is ignored.

    Text is `str`; where bytes are not UTF-8 they become surrogate escapes. An object
    that repeats a name is a `Repeated`. Integers beyond 64 bits become floats.

    Raises:
        JsonError: with RapidJSON's words and the offset in bytes.
    """
    if not body:
        raise JsonError("JSON Parse error: The document is empty")
    try:
        text = body.decode("utf-8")
        if text[0] in _SPACE:
            text = text.lstrip(_SPACE)
        if not text.startswith(("{", "[")) or _is_for_reader(body):
            raise ValueError("Python would let this pass.")
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError) as error:
        if isinstance(error, json.JSONDecodeError) and len(body) > _EXACT_BYTES:
            raise _rough_error(body, error) from None
        return Reader(body).document()  # It knows what is wrong, if anything is.


def _rough_error(body: bytes, error: json.JSONDecodeError) -> JsonError:
    space = len(body) - len(body.lstrip(_SPACE.encode()))
    offset = space + len(error.doc[: error.pos].encode("utf-8"))
    words = _ROUGH_WORDS.get(error.msg, "Invalid value.")
    return JsonError(f"JSON Parse error: {words} at offset: {offset}")


def _is_for_reader(body: bytes) -> bool:
    if _LONE_SURROGATE.search(body):
        return True
    if not (_LARGE_EXPONENT.search(body) or _LARGE_CAPITAL_EXPONENT.search(body)):
        return False
    return _LARGE_NUMBER.search(body) is not None


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)


def _integer(digits: str) -> int | float:
    value = to_integer(digits)
    if isinstance(value, float) and math.isinf(value):
        raise ValueError("Number too big")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)
