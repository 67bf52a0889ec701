"""JSON as upstream reads it, and its words for what is no JSON."""

import json
import math
import re

import hypothesis
import pytest
from hypothesis import strategies

from serving.server.json_format import parser
from serving.server.json_format.exact_parser import Reader

JSON_VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**63), 2**64 - 1)
    | strategies.floats(allow_nan=False)
    | strategies.text(strategies.characters(exclude_categories=["Cs"])),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.text("abc"), inner, max_size=4)
    ),
    max_leaves=12,
)


@hypothesis.given(JSON_VALUES, strategies.booleans())
def test_both_parsers_read_what_python_writes(value: object, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert parser.parse(body) == value
    assert Reader(body).document() == value


@hypothesis.given(strategies.binary(max_size=40))
def test_anything_else_is_an_error_and_not_a_crash(body: bytes) -> None:
    outcome = ""
    try:
        json.dumps(parser.parse(body))
    except parser.JsonError as error:
        outcome = str(error)
    assert not outcome or outcome.startswith("JSON Parse error: ")


TOO_BIG = "Number too big to be stored in double."


@pytest.mark.parametrize(
    "body, message",
    [
        (b"", "The document is empty"),
        (b" \n ", "The document is empty. at offset: 3"),
        (b"instances = [1]", "Invalid value. at offset: 0"),
        (
            b'{"instances": [1.0, 2.0}',
            "Missing a comma or ']' after an array element. at offset: 23",
        ),
        (b"{instances: [1]}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (
            b'{"a":1 "b":2}',
            "Missing a comma or '}' after an object member. at offset: 7",
        ),
        (b'{"a', "Missing a closing quotation mark in string. at offset: 3"),
        (rb'["\x"]', "Invalid escape character in string. at offset: 2"),
        (
            rb'["\u12x4"]',
            "Incorrect hex digit after \\u escape in string. at offset: 2",
        ),
        (rb'["\ud800x"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e]", "Miss exponent in number. at offset: 3"),
        (b"[-]", "Invalid value. at offset: 2"),
        (b"[tru]", "Invalid value. at offset: 4"),
        (b"[" + b"9" * 400 + b"]", f"{TOO_BIG} at offset: 1"),
        (b'{"a": 1e309}', f"{TOO_BIG} at offset: 6"),
        (b'{"a": [0, 1e400]}', f"{TOO_BIG} at offset: 10"),
        (b'{"a": 123e307}', f"{TOO_BIG} at offset: 6"),
        (b'{"a": [-1.5E+310]}', f"{TOO_BIG} at offset: 7"),
        (b"]", "The document is empty. at offset: 0"),
        (b"[1,]", "Invalid value. at offset: 3"),
        (b'{"a":1,}', "Missing a name for object member. at offset: 7"),
        (b'{"a":}', "Invalid value. at offset: 5"),
        (b"[[1}", "Missing a comma or ']' after an array element. at offset: 3"),
        (b"[1\x002]", "Missing a comma or ']' after an array element. at offset: 2"),
        (b'["a\x00b"]', "Missing a closing quotation mark in string. at offset: 3"),
        (b"[Infinit]", "Invalid value. at offset: 8"),
        (b"[" * 900, "Invalid value. at offset: 900"),
    ],
)
def test_errors_have_rapidjson_s_words_and_offsets(body: bytes, message: str) -> None:
    with pytest.raises(parser.JsonError) as caught:
        parser.parse(body)
    assert str(caught.value) == f"JSON Parse error: {message}"


@pytest.mark.parametrize(
    "body, value",
    [
        (b'{"a": 1.5e308}', 1.5e308),
        (b'{"a": 0e400}', 0.0),
        (b'{"a": 0.0001e311}', 1e307),
        (b'{"a": 1e-400}', 0.0),
        (b'{"a": "1e999"}', "1e999"),
        (b'{"a": "x: 1e999"}', "x: 1e999"),
    ],
)
def test_numbers_that_a_double_holds_are_read(body: bytes, value: object) -> None:
    assert parser.parse(body) == {"a": value}


def test_a_lone_low_surrogate_is_its_three_bytes() -> None:
    text = parser.parse(rb'{"a": "\udc80"}')["a"]
    assert text.encode("utf-8", "surrogateescape") == b"\xed\xb2\x80"


def test_pairs_of_surrogates_are_read_the_fast_way() -> None:
    body = rb'{"a": "\ud83d\ude00\uD83D\uDE00"}'
    assert not parser._is_for_reader(body)
    assert parser.parse(body) == {"a": "\U0001f600" * 2}


def test_text_that_looks_like_a_large_number_is_read_the_fast_way() -> None:
    assert not parser._is_for_reader(b'{"a": "c3e999", "b": {"b64": "1E400"}}')


def test_a_byte_order_mark_is_skipped() -> None:
    assert parser.parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_repeated_object_keeps_all_its_members() -> None:
    found = parser.parse(b'{"a": 1, "b": 2, "a": 3}')
    assert found == {"a": 1, "b": 2}
    assert found.pairs == [("a", 1), ("b", 2), ("a", 3)]


def test_special_floats_are_read() -> None:
    values = parser.parse(b"[Inf, -Inf, Infinity, -Infinity, NaN]")
    assert values[:4] == [math.inf, -math.inf] * 2
    assert math.isnan(values[4])


def test_text_after_the_value_is_ignored() -> None:
    assert parser.parse(b' {"a": 1} and more') == {"a": 1}


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2, "b": 3}', b'{"a": 1, "a": Inf}'])
def test_the_first_of_repeated_keys_counts(body: bytes) -> None:
    assert parser.parse(body)["a"] == 1


def test_integers_beyond_64_bits_become_floats() -> None:
    value = parser.parse(b"[18446744073709551616]")[0]
    assert isinstance(value, float)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000])
def test_deep_nesting_is_refused(body: bytes) -> None:
    with pytest.raises(parser.JsonError, match="nested too deeply; at most 1000"):
        parser.parse(body)


def test_depth_costs_the_exact_way_no_recursion() -> None:
    body = b"[" * 1000 + b"NaN" + b"]" * 1000
    value = Reader(body).document()
    for _ in range(1000):
        (value,) = value
    assert math.isnan(value)


@pytest.mark.parametrize(
    "end, message",
    [
        (b"x]", "Invalid value. at offset: 1000002"),
        (b"1 1]", "Missing a comma or ']' after an array element. at offset: 1000004"),
        (b"", "Invalid value. at offset: 1000002"),
    ],
)
def test_a_large_body_is_not_read_again_to_tell_what_is_wrong(
    end: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parser, "Reader", None)
    with pytest.raises(parser.JsonError, match=re.escape(message)):
        parser.parse(b"\n[" + b"1," * 500_000 + end)
