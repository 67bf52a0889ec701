"""The exact way to read JSON: RapidJSON's iterative parser, state by state.

What nobody sends differs: odd spellings around `NaN` and `Inf`, such as `NaInf` and
`NaN.5`, are refused or taken where RapidJSON does otherwise, and a number is too big
where a double is infinite, not where its digits say so.
"""

import enum
import math
import re

Json = bool | int | float | str | list["Json"] | dict[str, "Json"] | None
"""What JSON can say."""
JsonObject = dict[str, Json]

MAX_DEPTH = 1000
"""As deep as Python's own parser goes; RapidJSON has no limit, the stack has."""

_WHITESPACE = re.compile(rb"[ \t\n\r]*")
_BYTE_ORDER_MARK = re.compile(rb"\xef?\xbb?\xbf?")
_OPEN_ARRAY, _OPEN_OBJECT, _QUOTE, _COMMA, _COLON, _END = b'[{",:\0'
_CLOSE_ARRAY, _CLOSE_OBJECT = b"]}"
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_INTEGER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_DECIMALS = re.compile(rb"(\.[0-9]*)?([eE][+-]?[0-9]*)?")
_HEX4 = re.compile(rb"[0-9a-fA-F]{4}")
_ESCAPES = {
    ord('"'): '"', ord("\\"): "\\", ord("/"): "/", ord("b"): "\b",
    ord("f"): "\f", ord("n"): "\n", ord("r"): "\r", ord("t"): "\t",
}  # fmt: skip
_CONSTANTS = {ord("n"): b"null", ord("t"): b"true", ord("f"): b"false"}
_VALUES: dict[bytes, Json] = {b"null": None, b"true": True, b"false": False}

INVALID_VALUE = "Invalid value."
TOO_BIG = "Number too big to be stored in double."
UINT64_MAX, INT64_MIN = 2**64 - 1, -(2**63)


class JsonError(ValueError):
    """Not JSON. The message is upstream's."""


def parse_error(text: str, offset: int) -> JsonError:
    """Puts RapidJSON's error into upstream's frame."""
    return JsonError(f"JSON Parse error: {text} at offset: {offset}")


class _State(enum.Enum):
    """After what the parser stands. The value is the error if nothing fits."""

    START = ("The document is empty.",)
    OBJECT_INITIAL = ("Missing a name for object member.", 1)
    MEMBER_DELIMITER = ("Missing a name for object member.", 2)
    MEMBER_KEY = ("Missing a colon after a name of object member.",)
    MEMBER_VALUE = ("Missing a comma or '}' after an object member.",)
    KEY_VALUE_DELIMITER = (INVALID_VALUE, 1)
    ARRAY_INITIAL = (INVALID_VALUE, 2)
    ELEMENT_DELIMITER = (INVALID_VALUE, 3)
    ELEMENT = ("Missing a comma or ']' after an array element.",)
    FINISH = ()


_EXPECT_VALUE = frozenset({
    _State.START, _State.KEY_VALUE_DELIMITER, _State.ARRAY_INITIAL,
    _State.ELEMENT_DELIMITER,
})  # fmt: skip
_EXPECT_NAME = frozenset({_State.OBJECT_INITIAL, _State.MEMBER_DELIMITER})
_CLOSERS = {
    _State.OBJECT_INITIAL: _CLOSE_OBJECT,
    _State.MEMBER_VALUE: _CLOSE_OBJECT,
    _State.ARRAY_INITIAL: _CLOSE_ARRAY,
    _State.ELEMENT: _CLOSE_ARRAY,
}
_SEPARATORS = {
    _State.MEMBER_KEY: (_COLON, _State.KEY_VALUE_DELIMITER),
    _State.MEMBER_VALUE: (_COMMA, _State.MEMBER_DELIMITER),
    _State.ELEMENT: (_COMMA, _State.ELEMENT_DELIMITER),
}


class Repeated(JsonObject):
    """An object that has a name twice: the first counts, `pairs` holds all."""

    def __init__(self, pairs: list[tuple[str, Json]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs


class Reader:
    """Reads one document. Its stack is a list, so depth costs no recursion."""

    def __init__(self, body: bytes) -> None:
        # RapidJSON takes a zero byte for the end; here the end is one.
        self._body = body + b"\0"
        self._at = 0
        self._state = _State.START
        self._open: list[list[Json]] = [[]]
        self._names: list[list[str] | None] = [None]

    def document(self) -> Json:
        """Returns the value at the start.

        Raises:
            JsonError: there is none.
        """
        mark = _BYTE_ORDER_MARK.match(self._body)
        self._at = mark.end() if mark else 0
        while True:
            self._skip_whitespace()
            found = self._body[self._at]
            if found == _END:
                raise parse_error(self._state.value[0], self._at)
            self._advance(found)
            if self._state is _State.FINISH:
                return self._open[0][0]

    def _skip_whitespace(self) -> None:
        match = _WHITESPACE.match(self._body, self._at)
        self._at = match.end() if match else self._at

    def _advance(self, found: int) -> None:
        state = self._state
        if found == _CLOSERS.get(state):
            self._close()
        elif state in _EXPECT_VALUE and found not in b"]},:":
            self._value(found)
        elif state in _EXPECT_NAME and found == _QUOTE:
            name, self._at = read_string(self._body, self._at)
            names = self._names[-1]
            assert names is not None, "a name outside an object"
            names.append(name)
            self._state = _State.MEMBER_KEY
        elif state in _SEPARATORS and found == _SEPARATORS[state][0]:
            self._at += 1
            self._state = _SEPARATORS[state][1]
        else:
            raise parse_error(state.value[0], self._at)

    def _value(self, found: int) -> None:
        if found == _OPEN_ARRAY:
            self._begin(None, _State.ARRAY_INITIAL)
        elif found == _OPEN_OBJECT:
            self._begin([], _State.OBJECT_INITIAL)
        else:
            value, self._at = read_scalar(self._body, self._at)
            self._add(value)

    def _begin(self, names: list[str] | None, state: _State) -> None:
        if len(self._open) > MAX_DEPTH:
            raise JsonError(
                f"JSON Parse error: nested too deeply; at most {MAX_DEPTH} levels are "
                f"read. at offset: {self._at}"
            )
        self._at += 1
        self._open.append([])
        self._names.append(names)
        self._state = state

    def _close(self) -> None:
        self._at += 1
        values, names = self._open.pop(), self._names.pop()
        self._add(values if names is None else _to_object(names, values))

    def _add(self, value: Json) -> None:
        self._open[-1].append(value)
        if len(self._open) == 1:
            self._state = _State.FINISH
        elif self._names[-1] is None:
            self._state = _State.ELEMENT
        else:
            self._state = _State.MEMBER_VALUE


def _to_object(names: list[str], values: list[Json]) -> JsonObject:
    pairs = list(zip(names, values, strict=True))
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)


def read_scalar(body: bytes, at: int) -> tuple[Json, int]:
    """Returns the constant, string or number at `at`, and where it ends.

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
    """Returns the length of the word, which must stand here."""
    for index, letter in enumerate(word):
        if body[at + index] != letter:
            raise parse_error(INVALID_VALUE, at + index)
    return len(word)


def read_string(body: bytes, at: int) -> tuple[str, int]:
    """Returns the string whose opening quotation mark is at `at`, and where it ends."""
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
        # Its three bytes are not UTF-8, so they are escaped like any such bytes.
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
    whole, end = match.group(), match.end()
    fraction, exponent = _DECIMALS.match(body, end).groups()  # type: ignore[union-attr]
    if fraction == b".":
        raise parse_error("Miss fraction part in number.", end + 1)
    end += len(fraction or b"") + len(exponent or b"")
    if exponent is not None and not exponent[-1:].isdigit():
        raise parse_error("Miss exponent in number.", end)
    is_integer = fraction is None and exponent is None
    value = to_integer(whole.decode("ascii")) if is_integer else float(body[at:end])
    if isinstance(value, float) and math.isinf(value):
        raise parse_error(TOO_BIG, at)
    return value, end


def to_integer(digits: str) -> int | float:
    """Returns the number; beyond 64 bits a float, which may be infinite."""
    # Longer than any 64-bit number: no need to look at the value.
    value = float(digits) if len(digits) > 20 else int(digits)
    if isinstance(value, float) or INT64_MIN <= value <= UINT64_MAX:
        return value
    return float(value)


def _read_special(body: bytes, start: int) -> tuple[float, int]:
    at = start + (body[start] == ord("-"))
    if body[at] == ord("N"):
        return math.nan, at + _consume(body, at, b"NaN")
    at += _consume(body, at, b"Inf")
    if body[at] == ord("i"):
        at += _consume(body, at, b"inity")
    return -math.inf if body[start] == ord("-") else math.inf, at
