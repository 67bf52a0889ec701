"""Each step of a TFLite run that fails has upstream's words (tflite_session.cc)."""

from typing import Any

import numpy as np
import pytest

from serving.server.loading.tflite import RawRunner
from serving.server.status import Code, StatusError


class Interpreter:
    """Has one input and one output, and stumbles at the step it is told."""

    def __init__(self, fails_at: str = "") -> None:
        self._fails_at = fails_at
        self._value = np.zeros(2, np.float32)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [_detail("x:0", 0)]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [_detail("y", 1)]

    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
        self._step("resize")

    def allocate_tensors(self) -> None:
        self._step("allocate")

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        self._value = value

    def invoke(self) -> None:
        self._step("invoke")

    def get_tensor(self, index: int) -> np.ndarray:
        return self._value

    def _step(self, name: str) -> None:
        if name == self._fails_at:
            raise ValueError("node 7 says no")


def _detail(name: str, index: int) -> dict[str, Any]:
    return {"name": name, "index": index, "shape": [2], "dtype": np.float32}


def test_raw_tensors_are_named_without_their_number() -> None:
    x = np.ones(3, np.float32)
    assert RawRunner(Interpreter())({"x": x})["y"] is x


@pytest.mark.parametrize(
    "step, words",
    [
        ("resize", "Failed to resize input tensor: x from 8 to 12 bytes."),
        ("allocate", "Failed to allocate tensors"),
        ("invoke", "Failed to invoke TfLite interpreter"),
    ],
)
def test_the_step_that_fails_is_internal_and_named(step: str, words: str) -> None:
    with pytest.raises(StatusError) as caught:
        RawRunner(Interpreter(step))({"x": np.ones(3, np.float32)})
    assert caught.value.code is Code.INTERNAL
    assert caught.value.message == f"{words} (node 7 says no)"
