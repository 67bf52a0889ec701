"""Names of inputs and outputs are checked in upstream's words."""

from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.client.wire import tensors
from serving.server.requests.predict_checks import (
    check_inputs,
    check_outputs,
    decode_inputs,
)
from serving.server.status import StatusError
from tests.support.serving.fakes import signature

TENSOR = ("DT_FLOAT", [-1])
TWO = signature({"a": TENSOR, "b": TENSOR}, {"x": TENSOR, "y": TENSOR})
ONE = np.zeros(1, np.float32)


def _with_default(alias: str) -> Any:
    message = signature({"a": TENSOR, "b": TENSOR}, {"x": TENSOR})
    message.defaults[alias].CopyFrom(tensors.encode(np.float32([7])))
    return message


@pytest.mark.parametrize(
    "names, message",
    [
        (
            ["x"],
            "input size does not match signature: 1!=2 len({x}) != len({a,b}). "
            "Sent extra: {x}. Missing but required: {a,b}.",
        ),
        (
            ["a", "b", "c"],
            "input size does not match signature: 3!=2 len({a,b,c}) != len({a,b}). "
            "Sent extra: {c}. Missing but required: {}.",
        ),
        (
            ["a", "c"],
            "Signature input alias: b(feed name: b_feed:0) not found in request and no "
            "default value provided. Inputs expected to be in the request {a,c}, or "
            "default input alias set:  Inputs contains invalid name. Used request "
            "inputs: a, request input: a,c",
        ),
    ],
)
def test_a_wrong_set_of_inputs_is_spelled_out(names: list[str], message: str) -> None:
    with pytest.raises(StatusError) as caught:
        check_inputs(TWO, dict.fromkeys(names, ONE))
    assert caught.value.message == message


def test_defaults_fill_what_is_left_out() -> None:
    complete = check_inputs(_with_default("b"), {"a": ONE})
    assert complete["b"].tolist() == [7]


def test_what_has_no_default_is_still_missing() -> None:
    with pytest.raises(StatusError) as caught:
        check_inputs(_with_default("b"), {"b": ONE})
    assert caught.value.message.endswith("request {b}, or default input alias set: b")


def test_extra_inputs_are_named_where_defaults_are_around() -> None:
    expected = (
        "Inputs contains invalid name. Used request inputs: a, request input: a,z"
    )
    with pytest.raises(StatusError, match=expected):
        check_inputs(_with_default("b"), {"a": ONE, "z": ONE})


def test_outputs_are_all_or_those_asked_for() -> None:
    assert check_outputs(TWO, []) == ["x", "y"]
    assert check_outputs(TWO, ["y"]) == ["y"]


@pytest.mark.parametrize(
    "output_filter, message",
    [
        (
            ["z"],
            "output tensor alias not found in signature: z "
            "Outputs expected to be in the set {x,y}.",
        ),
        (["x", "x"], "duplicate output tensor alias: x"),
    ],
)
def test_a_wrong_filter_is_refused(output_filter: list[str], message: str) -> None:
    with pytest.raises(StatusError) as caught:
        check_outputs(TWO, output_filter)
    assert caught.value.message == message


def _empty(*shape: int) -> Any:
    tensor = protos.TensorProto(dtype=3)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


@pytest.mark.parametrize("shape", [(0,), (0, 128), (64, 0), (0, 0), (2**20, 0)])
def test_a_tensor_of_nothing_is_taken(shape: tuple[int, ...]) -> None:
    assert decode_inputs({"x": _empty(*shape)})["x"].shape == shape


@pytest.mark.parametrize(
    "shape", [(0, 2**40), (2**31, 0), (0, 2**31 - 1), (2**11, 0, 2**11)]
)
def test_a_tensor_of_nothing_makes_nobody_count_to_its_other_dimensions(
    shape: tuple[int, ...],
) -> None:
    """TensorFlow ends the process, or takes all of the memory."""
    with pytest.raises(StatusError, match="tensor parsing error: x.*holds nothing"):
        decode_inputs({"x": _empty(*shape)})
