"""Strings, numbers and constants, as RapidJSON's reader takes them."""

import math
import re
from typing import Any

_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_DECIMALS = re.compile(rb"(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_HEX4 = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES = {
    ord('"'): '"', ord("\\"): "\\", ord("/"): "/", ord("b"): "\b",
    ord("f"): "\f", ord("n"): "\n", ord("r"): "\r", ord("t"): "\t",
}  # fmt: skip
_CONSTANTS = {ord("n"): b"null", ord("t"): b"true", ord("f"): b"false"}
_VALUES: dict[bytes, Any] = {b"null": None, b"true": True, b"false": False}

INVALID_VALUE = "Invalid value."
TOO_BIG = "Number too big to be stored in double."
UINT64_MAX, INT64_MIN = 2**64 - 1, -(2**63)
MAX_EXPONENT, MAX_EXACT, MAX_SIGNIFICANT = 308, 2**53 - 1, 17


class JsonError(ValueError):
    """Not JSON. The message is upstream's."""


def parse_error(text: str, offset: int) -> JsonError:
    """Upstream's frame for RapidJSON's error."""
    return JsonError(f"JSON Parse error: {text} at offset: {offset}")


def read_scalar(body: bytes, at: int) -> tuple[Any, int]:
    """The constant, string or number at `at`, and where it ends.

    Args:
        body: ends with a zero byte.
        at: not at a bracket, a comma or a colon.

    Raises:
        JsonError: there is none.
    """
    first = body[at]
    if first == ord('"'):
        return read_string(body, at)
    if first not in _CONSTANTS:
        return _read_number(body, at)
    word = _CONSTANTS[first]
    return _VALUES[word], at + _consume(body, at, word)


def _consume(body: bytes, at: int, word: bytes) -> int:
    length = _common_length(body, at, word)
    if length < len(word):
        raise parse_error(INVALID_VALUE, at + length)
    return length


def _common_length(body: bytes, at: int, word: bytes) -> int:
    found = zip(body[at : at + len(word)], word, strict=False)
    return next((i for i, (a, b) in enumerate(found) if a != b), len(word))


def read_string(body: bytes, at: int) -> tuple[str, int]:
    """The string whose opening quotation mark is at `at`, and where it ends."""
    at += 1
    parts: list[str] = []
    while True:
        match = _PLAIN.match(body, at)
        if match and match.end() > at:
            parts.append(match.group().decode("utf-8", "surrogateescape"))
            at = match.end()
        found = body[at]
        if found == ord('"'):
            return "".join(parts), at + 1
        if found != ord("\\"):
            ended = found == 0
            text = "Missing a closing quotation mark in string."
            raise parse_error(text if ended else _BAD_ESCAPE, at)
        letter, at = _read_escape(body, at)
        parts.append(letter)


_BAD_ESCAPE = "Invalid escape character in string."


def _read_escape(body: bytes, start: int) -> tuple[str, int]:
    letter = body[start + 1]
    if letter in _ESCAPES:
        return _ESCAPES[letter], start + 2
    if letter != ord("u"):
        raise parse_error(_BAD_ESCAPE, start)
    point, at = _hex4(body, start + 2, start)
    if not 0xD800 <= point <= 0xDBFF:
        return _to_text(point), at
    low = 0
    if body[at : at + 2] == b"\\u":
        low, at = _hex4(body, at + 2, start)
    if not 0xDC00 <= low <= 0xDFFF:
        raise parse_error("The surrogate pair in string is invalid.", start)
    return chr(((point - 0xD800) << 10 | (low - 0xDC00)) + 0x10000), at


def _to_text(point: int) -> str:
    if 0xDC00 <= point <= 0xDFFF:
        # Its three bytes are no UTF-8, so they are escaped like any such bytes.
        return (
            chr(point)
            .encode("utf-8", "surrogatepass")
            .decode("utf-8", "surrogateescape")
        )
    return chr(point)


def _hex4(body: bytes, at: int, start: int) -> tuple[int, int]:
    match = _HEX4.match(body, at)
    if match is None:
        raise parse_error("Incorrect hex digit after \\u escape in string.", start)
    return int(match.group(), 16), at + 4


def _read_number(body: bytes, at: int) -> tuple[int | float, int]:
    match = _INTEGER.match(body, at)
    if match is None:
        return _read_special(body, at)
    return _read_decimals(body, match.group(), at, match.end())


def _read_decimals(
    body: bytes, whole: bytes, start: int, at: int
) -> tuple[int | float, int]:
    """What may come after the integer part; `start` is where the number began."""
    match = _DECIMALS.match(body, at)
    fraction, exponent = match.groups() if match else (None, None)
    if match is None or (fraction is None and exponent is None):
        integer = to_integer(whole.decode("ascii"))
        if isinstance(integer, float) and math.isinf(integer):
            raise parse_error(TOO_BIG, start)
        return integer, at
    if fraction == b".":
        raise parse_error("Miss fraction part in number.", match.end(1))
    if _is_too_big(whole, fraction or b".", exponent or b""):
        raise parse_error(TOO_BIG, start)
    if exponent is not None and not exponent[-1:].isdigit():
        raise parse_error("Miss exponent in number.", match.end())
    return float(whole + match.group()), match.end()


def _is_too_big(whole: bytes, fraction: bytes, exponent: bytes) -> bool:
    """RapidJSON looks at the digits, not at the value: 0e400 is too big for it."""
    if math.isinf(float(whole)):
        return True
    digits = exponent[1:].lstrip(b"+")
    if digits.startswith(b"-"):
        return False
    digits = digits.lstrip(b"0") or b"0"
    limit = MAX_EXPONENT + _counted_decimals(whole, fraction[1:])
    return len(digits) > len(str(limit)) or int(digits) > limit


def _counted_decimals(whole: bytes, decimals: bytes) -> int:
    """How many decimals RapidJSON reads before it has all digits a double can use."""
    digits = whole.lstrip(b"-")
    if to_integer(digits.decode("ascii")) != int(digits) or len(digits) > 20:
        integer, counted, is_exact = 0, 0, False
    else:
        integer, counted, is_exact = int(digits), 0, True
    significant = len(digits) - 1
    for decimal in decimals if is_exact else b"":
        if integer > MAX_EXACT:
            break
        integer = integer * 10 + decimal - ord("0")
        counted += 1
        significant += integer != 0
    for _ in decimals[counted:]:
        if significant >= MAX_SIGNIFICANT:
            break
        counted += 1
        significant += 1
    return counted


def to_integer(digits: str) -> int | float:
    """The number; beyond 64 bits a float, which may be infinite."""
    # Longer than any 64-bit number: no need to look at the value.
    value = float(digits) if len(digits) > 20 else int(digits)
    if isinstance(value, float) or INT64_MIN <= value <= UINT64_MAX:
        return value
    return float(value)


def _read_special(body: bytes, start: int) -> tuple[float, int]:
    sign = b"-" if body[start] == ord("-") else b""
    at = start + len(sign)
    if body[at] not in b"NI":
        raise parse_error(INVALID_VALUE, at)
    length = _common_length(body, at, b"NaN")
    at += length
    if length == len(b"NaN"):
        value = math.nan
    else:
        # After half a NaN it still looks for Inf, so that NaInf is infinite.
        at += _consume(body, at, b"Inf")
        value = -math.inf if sign else math.inf
        if body[at] == ord("i"):
            at += _consume(body, at, b"inity")
    if body[at] not in b".eE":
        return value, at
    # RapidJSON goes on as after any integer part, and forgets what it has read.
    return _read_decimals(body, sign + b"0", start, at)
