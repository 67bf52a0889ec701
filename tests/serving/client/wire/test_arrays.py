"""Arrays of what callers give: texts exact, and nothing made of something else."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from serving.client import CodecError
from serving.client.wire.arrays import exact_array

SECRET = "the patient is ill"


@pytest.mark.parametrize(
    "value, expected",
    [
        ([b"png\0\0", b""], [b"png\0\0", b""]),
        (["ab\0"], [b"ab\0"]),
        (b"png\0", b"png\0"),
        ([["a\0"], ["b"]], [[b"a\0"], [b"b"]]),
        (["a", b"\xff"], [b"a", b"\xff"]),
        (("ä", np.str_("b")), ["ä".encode(), b"b"]),
        (np.array(["a", "bb"]), [b"a", b"bb"]),
        (pd.Series(["a", "b"], index=[7, 8]), [b"a", b"b"]),
        (pd.Series(["a", "b"], dtype="category"), [b"a", b"b"]),
    ],
)
def test_texts_are_sent_as_they_are(value: Any, expected: list[Any]) -> None:
    array = exact_array(value, "inputs['x']")
    assert array.dtype == object
    assert array.tolist() == expected


@pytest.mark.parametrize(
    "value, at, kind",
    [
        ([SECRET, float("nan")], 1, "float"),
        ([SECRET, 3], 1, "int"),
        ([3, SECRET], 0, "int"),
        ([SECRET, True], 1, "bool"),
        ([SECRET, None], 1, "NoneType"),
        ([[SECRET], [SECRET, SECRET]], 0, "list"),
        (pd.Series([SECRET, pd.NA], dtype="string"), 1, "NAType"),
        ([2**70], 0, "int"),
    ],
)
def test_what_is_no_text_beside_texts_is_named_and_not_made_one(
    value: Any, at: int, kind: str
) -> None:
    where = re.escape(f"inputs['x'], item {at} is of type {kind}")
    with pytest.raises(CodecError, match=where) as caught:
        exact_array(value, "inputs['x']")
    assert SECRET not in str(caught.value)


def test_numbers_are_numpy_s_own() -> None:
    given = np.float32([1, 2])
    assert exact_array(given, "x") is given
    assert exact_array([[1, 2]], "x").dtype == np.int64
    assert exact_array([], "x").dtype == np.float64


def test_a_ragged_list_of_numbers_is_to_be_padded() -> None:
    with pytest.raises(CodecError, match="inputs.'x'. cannot become an array.*padded"):
        exact_array([[1.0], [2.0, 3.0]], "inputs['x']")


def test_masked_values_are_not_sent_as_if_they_were_there() -> None:
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    with pytest.raises(CodecError, match=r"x has masked values.*filled"):
        exact_array(masked, "x")
    assert exact_array(np.ma.array([1.0, 2.0]), "x").tolist() == [1, 2]
