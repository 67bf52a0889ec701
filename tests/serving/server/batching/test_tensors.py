"""Arrays of several requests become one batch and are handed back row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.server.batching import tensors
from serving.server.status import Code, StatusError


def _x(*rows: object) -> dict[str, np.ndarray]:
    return {"x": np.array(rows, np.float32)}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 9))
def test_every_request_gets_its_own_rows_back(sizes: list[int], padding: int) -> None:
    numbers = iter(range(100))
    parts = [_x(*(next(numbers) for _ in range(size))) for size in sizes]
    total = sum(sizes) + padding
    merged = tensors.merge(parts, pad_lengths=False, size=total)
    assert len(merged["x"]) == total
    divided = tensors.divide({"y": merged["x"] * 2}, sizes, total)
    for part, answer in zip(parts, divided, strict=True):
        np.testing.assert_array_equal(answer["y"], part["x"] * 2)


def test_a_batch_is_filled_with_the_last_request_s_first_row() -> None:
    merged = tensors.merge([_x(1, 2), _x(3, 4)], pad_lengths=False, size=6)
    assert merged["x"].tolist() == [1, 2, 3, 4, 3, 3]


def test_shorter_rows_are_padded_with_their_request_s_first_value() -> None:
    parts = [_x([7, 8, 9]), _x([5], [6])]
    merged = tensors.merge(parts, pad_lengths=True, size=3)
    assert merged["x"].tolist() == [[7, 8, 9], [5, 5, 5], [6, 5, 5]]


def test_padding_keeps_strings_whole() -> None:
    words = np.array([[b"a"]], dtype=object), np.array([[b"b", b"c"]], dtype=object)
    parts = [{"x": array} for array in words]
    merged = tensors.merge(parts, pad_lengths=True, size=2)
    assert merged["x"].tolist() == [[b"a", b"a"], [b"b", b"c"]]


def test_different_ranks_cannot_be_padded() -> None:
    with pytest.raises(StatusError, match="different numbers of dimensions"):
        tensors.merge([_x(1), _x([1])], pad_lengths=True, size=2)


@pytest.mark.parametrize(
    "inputs, message",
    [
        (
            {"x": np.float32(1)},
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            {"a": np.zeros(2), "b": np.zeros(3)},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
    ],
)
def test_inputs_without_a_common_batch_dimension_are_refused(
    inputs: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(StatusError) as caught:
        tensors.count_rows({name: np.asarray(v) for name, v in inputs.items()})
    assert (caught.value.code, caught.value.message) == (Code.INVALID_ARGUMENT, message)


@pytest.mark.parametrize(
    "output, message",
    [
        (np.float32(1), "Batched output tensor has 0 dimensions"),
        (np.zeros(3), "Batched output tensor's 0th dimension does not equal the sum"),
    ],
)
def test_outputs_must_keep_the_batch_dimension(
    output: np.ndarray, message: str
) -> None:
    with pytest.raises(StatusError) as caught:
        tensors.divide({"y": np.asarray(output)}, [1, 1], 2)
    assert caught.value.code is Code.FAILED_PRECONDITION
    assert caught.value.message.startswith(message)


def test_a_large_request_is_split_and_joined_in_order() -> None:
    parts = tensors.split(_x(*range(7)), 3)
    assert [len(part["x"]) for part in parts] == [3, 3, 1]
    assert tensors.join(parts)["x"].tolist() == list(range(7))
