"""Tensors to REST answers."""

import json

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies

from serving.server.json_format.answer import error_answer, predict_answer
from serving.server.json_format.text import float_texts
from serving.server.status import StatusError


def _answer(*, is_row: bool = True, **outputs: np.ndarray) -> dict[str, object]:
    return json.loads(predict_answer(outputs, is_row=is_row))


def test_one_output_is_a_bare_list() -> None:
    y = np.float32([[1, 2], [3, 4]])
    assert _answer(y=y) == {"predictions": [[1, 2], [3, 4]]}
    assert _answer(y=y, is_row=False) == {"outputs": [[1, 2], [3, 4]]}


def test_several_outputs_are_named() -> None:
    y, n = np.float32([1, 2]), np.int64([[3], [4]])
    assert _answer(y=y, n=n) == {
        "predictions": [{"n": [3], "y": 1.0}, {"n": [4], "y": 2.0}]
    }
    columns = {"outputs": {"n": [[3], [4]], "y": [1.0, 2.0]}}
    assert _answer(y=y, n=n, is_row=False) == columns


def test_outputs_named_bytes_are_base64_and_others_raw() -> None:
    raw = np.array([b"\xff"], dtype=object)
    assert _answer(x_bytes=raw) == {"predictions": [{"b64": "/w=="}]}
    assert b'["\xff"' in predict_answer({"x": raw}, is_row=True)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (2, 0, 3), (1, 2, 3), (2, 1, 1)])
def test_every_shape_is_written_as_it_is(shape: tuple[int, ...]) -> None:
    y = np.zeros(shape, np.int32)
    assert _answer(y=y, is_row=False) == {"outputs": y.tolist()}


@pytest.mark.parametrize(
    "value, text",
    [
        (2.0, "2.0"),
        (0.2, "0.2"),
        (9e6, "9e+06"),
        (3e-5, "3e-05"),
        (1 / 3, "0.333333343"),
        (16777217.0, "16777216.0"),
        (np.nan, "NaN"),
        (np.inf, "Infinity"),
        (-np.inf, "-Infinity"),
    ],
)
def test_floats_are_short_where_that_is_exact(value: float, text: str) -> None:
    assert float_texts(np.float32([value])) == [text]
    assert float_texts(np.float32([value] * 100)) == [text] * 100


def test_doubles_take_seventeen_digits() -> None:
    assert float_texts(np.float64([1 / 3, 0.5])) == ["0.33333333333333331", "0.5"]


@hypothesis.given(
    strategies.lists(strategies.floats(width=32, allow_nan=False), min_size=1)
)
def test_a_float_read_back_is_the_same(values: list[float]) -> None:
    array = np.array(values, np.float32)
    back = np.array([float(text) for text in float_texts(array)], np.float32)
    np.testing.assert_array_equal(back, array)


@hypothesis.given(
    strategies.lists(
        strategies.floats(width=32)
        | strategies.integers(-(10**12), 10**12).map(lambda n: n / 1000),
        min_size=1,
    )
)
def test_many_floats_read_like_few(values: list[float]) -> None:
    array = np.array(values, np.float32)
    one_by_one = [
        float_texts(array[index : index + 1])[0] for index in range(len(array))
    ]
    together = float_texts(np.resize(array, 100))
    assert together == list(np.resize(np.array(one_by_one), 100))


def test_rows_and_columns_are_laid_out_as_upstream_s_rows() -> None:
    y = np.float32([[1, 2], [3, 4]])
    answer = predict_answer({"y": y}, is_row=True)
    assert answer == b'{\n    "predictions": [[1.0, 2.0], [3.0, 4.0]\n    ]\n}'
    answer = predict_answer({"y": y[:1], "n": np.int32([7])}, is_row=True)
    assert answer == (
        b'{\n    "predictions": [\n        {\n            "n": 7,\n'
        b'            "y": [1.0, 2.0]\n        }\n    ]\n}'
    )


def test_control_characters_are_escaped_with_capital_digits() -> None:
    text = np.array([b'\x1f\n\x7f"\\u001f'], object)
    assert b'"\\u001F\\n\x7f\\"\\\\u001f"' in predict_answer({"y": text}, is_row=True)


@pytest.mark.parametrize(
    "outputs, message",
    [
        (
            {"x": np.zeros(3), "y": np.zeros(1)},
            "Tensor name: y has inconsistent batch size: 1 expecting: 3",
        ),
        ({"y": np.float32(1)}, "Tensor name: y has no shape information "),
        (
            {"y": np.zeros(1, np.float16)},
            "Failed to write JSON value for tensor type: half",
        ),
        ({}, "Cannot convert empty tensor map to JSON"),
    ],
)
def test_what_cannot_be_written_has_upstream_s_words(
    outputs: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(StatusError) as caught:
        predict_answer(outputs, is_row=True)
    assert caught.value.message == message


def test_an_error_is_pretty_printed_with_four_spaces() -> None:
    assert error_answer('a "b"') == b'{\n    "error": "a \\"b\\""\n}'
