"""The exact way to read JSON: RapidJSON's iterative parser, state by state."""

import enum
import re
from typing import Any

from serving.server.json_format.exact_scalars import (
    INVALID_VALUE,
    JsonError,
    parse_error,
    read_scalar,
    read_string,
    to_integer,
)

__all__ = ["MAX_DEPTH", "JsonError", "Reader", "Repeated", "to_integer"]

MAX_DEPTH = 1000
"""As deep as Python's own parser goes; RapidJSON has no limit, the stack has."""

_WHITESPACE = re.compile(rb"[ \t\n\r]*")
_BYTE_ORDER_MARK = re.compile(rb"\xef?\xbb?\xbf?")
_OPEN_ARRAY, _OPEN_OBJECT, _QUOTE, _COMMA, _COLON, _END = b'[{",:\0'
_CLOSE_ARRAY, _CLOSE_OBJECT = b"]}"


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


class Repeated(dict[str, Any]):
    """An object that has a name twice: the first counts, `pairs` holds all."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(reversed(pairs))
        self.pairs = pairs


class Reader:
    """Reads one document. Its stack is a list, so depth costs no recursion."""

    def __init__(self, body: bytes) -> None:
        # RapidJSON takes a zero byte for the end; here the end is one.
        self._body = body + b"\0"
        self._at = 0
        self._state = _State.START
        self._open: list[list[Any]] = [[]]
        self._names: list[list[str] | None] = [None]

    def document(self) -> Any:
        """The value at the start.

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

    def _add(self, value: Any) -> None:
        self._open[-1].append(value)
        if len(self._open) == 1:
            self._state = _State.FINISH
        elif self._names[-1] is None:
            self._state = _State.ELEMENT
        else:
            self._state = _State.MEMBER_VALUE


def _to_object(names: list[str], values: list[Any]) -> dict[str, Any]:
    pairs = list(zip(names, values, strict=True))
    members = dict(pairs)
    return members if len(members) == len(pairs) else Repeated(pairs)
