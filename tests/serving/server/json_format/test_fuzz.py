"""Whatever comes as a REST body is a tensor or a client's error, and soon."""

import json
import math
import time
from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from serving.client import protos
from serving.server.json_format import parser, predict_body, tensor
from serving.server.json_format.answer import error_answer, predict_answer
from serving.server.json_format.example_body import parse_examples
from serving.server.status import Code, StatusError
from tests.support.serving.server.json_bodies import (
    ONE_FLOAT,
    TWO_FLOATS,
    infos_of,
    parse,
)

TYPES = protos.enum(protos.DATA_TYPE)
INFOS = {
    "float": ONE_FLOAT,
    "two": TWO_FLOATS,
    "int8": infos_of(x="DT_INT8"),
    "uint64": infos_of(x="DT_UINT64"),
    "string": infos_of(x="DT_STRING"),
    "bool": infos_of(x="DT_BOOL"),
    "b64": infos_of(b64="DT_STRING"),
}
SEEDS = (
    b'{"instances": [[1.0, 2.5e3], [-4, NaN]], "signature_name": "s"}',
    b'{"instances": [{"a": 1, "b": [2]}, {"b": [3], "a": 4}], "pad_ragged": true}',
    b'{"inputs": {"x": ["\\u00e9\\ud83d\\ude00", {"b64": "/w=="}]}}',
    b'{"context": {"c": 1}, "examples": [{"f": [1, 2], "g": "a"}, {"h": 1.5}]}',
    b'{"instances": [18446744073709551615, -9223372036854775808, 1e308, true]}',
)
PIECES = (
    *b'{}[],:"\\-+.eE0129 \n\x00\x1f\x80\xff',
    b"\\u", b"\\ud800", b"\\udc80", b"null", b"true", b"NaN", b"Inf", b"inity",
    b"e309", b"e400", b"1e999", b"9" * 30, b'"x":', b'"a":', b'"b64":', b"[[", b"{}",
    b'"pad_ragged":true,', b'"inputs":', b"\xef\xbb\xbf",
)  # fmt: skip


@strategies.composite
def _mutated(draw: strategies.DrawFn) -> bytes:
    body = bytearray(draw(strategies.sampled_from(SEEDS)))
    for _ in range(draw(strategies.integers(1, 5))):
        start = draw(strategies.integers(0, len(body)))
        end = start + draw(strategies.integers(0, 6))
        piece = draw(strategies.sampled_from(PIECES))
        body[start:end] = piece if isinstance(piece, bytes) else bytes([piece])
    return bytes(body)


BODIES = strategies.binary(max_size=60) | _mutated()


def _code(call: Callable[[], Any]) -> Code:
    try:
        call()
    except StatusError as error:
        json.loads(error_answer(error.message).decode("utf-8", "replace"))
        return error.code
    return Code.OK


@hypothesis.given(BODIES, strategies.sampled_from(sorted(INFOS)))
@hypothesis.settings(max_examples=400)
def test_any_predict_body_is_tensors_or_an_invalid_argument(
    body: bytes, infos: str
) -> None:
    code = _code(lambda: parse(body, INFOS[infos]))
    assert code in (Code.OK, Code.INVALID_ARGUMENT)


@hypothesis.given(BODIES)
@hypothesis.settings(max_examples=300)
def test_any_classify_body_is_examples_or_an_invalid_argument(body: bytes) -> None:
    assert _code(lambda: parse_examples(body)) in (Code.OK, Code.INVALID_ARGUMENT)


@hypothesis.given(BODIES)
def test_only_types_without_json_are_not_implemented(body: bytes) -> None:
    code = _code(lambda: parse(body, infos_of(x="DT_HALF")))
    assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.UNIMPLEMENTED)


MIB = 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MIB,
        b'{"instances":' + b"[" * MIB,
        b'{"a":' * (MIB // 5),
        b'{"instances":' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"instances":[' + b"[" * 40 + b"1" + b"]" * 40 + b"]}",
        b'{"instances":[' + b"[],[[]]," * (MIB // 8) + b"1]}",
        b'{"instances":[' + b"9" * MIB + b"]}",
        b'{"instances":[1.' + b"9" * MIB + b"]}",
        b'{"instances":[1e' + b"9" * MIB + b"]}",
        b'{"instances":[1e-' + b"9" * MIB + b"]}",
        b'{"instances":[0.' + b"0" * MIB + b"1e400]}",
        b'{"instances":["' + b"\\u0041" * (MIB // 6) + b'\xff"]}',
        b'{"instances":["' + b"\\" * MIB,
        b"{" + b",".join(b'"k%d":1' % (i % 1000) for i in range(100_000)) + b"}",
        b'{"instances":[{"x":1' + b',"x":1' * (MIB // 6) + b"}]}",
        b" " * MIB,
    ],
    ids=lambda body: f"{body[:16]!r}",
)
@pytest.mark.parametrize("infos", ["float", "string"])
def test_a_hostile_megabyte_is_answered_at_once(body: bytes, infos: str) -> None:
    start_s = time.thread_time()
    code = _code(lambda: parse(body, INFOS[infos]))
    assert code in (Code.OK, Code.INVALID_ARGUMENT)
    assert time.thread_time() - start_s < 5


def test_twice_as_much_of_a_repeated_name_takes_twice_as_long() -> None:
    def seconds(count: int) -> float:
        names = b",".join(b'"k%d":1' % (i % 5000) for i in range(count))
        start_s = time.thread_time()
        assert len(parser.parse(b"{" + names + b"}")) == 5000
        return time.thread_time() - start_s

    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(160_000) for _ in range(3)) < 8 * 5 * small


def _specials(text: str) -> float:
    return {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}[text]


@hypothesis.given(
    strategies.sampled_from(
        ["float32", "float64", "int32", "int64", "uint8", "uint32", "uint64", "bool"]
    ),
    strategies.lists(strategies.integers(1, 3), max_size=3),
    strategies.randoms(use_true_random=False),
    strategies.booleans(),
)
def test_arrays_come_back_from_json_as_they_were(
    dtype: str, shape: list[int], random: Any, is_row: bool
) -> None:
    size = math.prod([2, *shape]) * np.dtype(dtype).itemsize
    array = np.frombuffer(random.randbytes(size), dtype).reshape(2, *shape)
    if dtype == "bool":
        array = np.frombuffer(random.randbytes(size), np.uint8).reshape(2, *shape) > 127
    answer = predict_answer({"y": array}, is_row=is_row)
    (values,) = json.loads(answer, parse_constant=_specials).values()
    sent = json.dumps({"instances": values}).encode()
    number = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "uint8": 4}
    number |= {"uint32": 22, "uint64": 23, "bool": 10}
    info = infos_of(x=TYPES.Name(number[dtype]))
    back = parse(sent, info).inputs["x"]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@hypothesis.given(strategies.lists(strategies.binary(max_size=8), min_size=1))
def test_bytes_come_back_from_json_as_they_were(items: list[bytes]) -> None:
    array = np.empty(len(items), object)
    array[:] = items
    answer = predict_answer({"y_bytes": array}, is_row=True)
    sent = answer.replace(b'"predictions"', b'"instances"')
    back = parse(sent, INFOS["string"]).inputs["x"]
    assert back.tolist() == items
    # Raw strings come back too, whatever bytes they are.
    sent = predict_answer({"y": array}, is_row=True).replace(
        b'"predictions"', b'"instances"', 1
    )
    back = parse(sent, INFOS["string"]).inputs["x"]
    assert back.tolist() == items


@hypothesis.given(
    strategies.lists(
        strategies.fixed_dictionaries(
            {
                "a": strategies.floats(width=32) | strategies.integers(-5, 5),
                "b": strategies.lists(strategies.integers(0, 9), max_size=2),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_named_rows_give_the_same_by_column_and_row_by_row(
    rows: list[dict[str, Any]],
) -> None:
    def outcome(call: Callable[..., Any]) -> Any:
        try:
            tensors = call(rows, TWO_FLOATS)
        except StatusError as error:
            return error.message
        return {name: (a.shape, a.tobytes()) for name, a in tensors.items()}

    fast = outcome(predict_body.rows_to_tensors)
    assert fast == outcome(predict_body._exact_named_rows)


def _nested(levels: int) -> Any:
    return 1 if levels == 0 else [_nested(levels - 1)]


@pytest.mark.parametrize("key", ["inputs", "instances"])
def test_more_dimensions_than_numpy_has_are_refused(key: str) -> None:
    def nested(levels: int) -> Any:
        body = json.dumps({key: _nested(levels)}).encode()
        return parse(body, ONE_FLOAT).inputs["x"]

    assert nested(tensor.MAX_RANK).ndim == tensor.MAX_RANK
    with pytest.raises(StatusError, match="levels can be a tensor"):
        nested(tensor.MAX_RANK + 1)
