"""The arrays of several requests become one batch, and its results theirs again.

Source of checks and texts: tensorflow/serving, batching/batching_util.h and
batching_session.cc.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from serving.server.status import Code, StatusError, invalid_argument

Arrays = Mapping[str, np.ndarray]


def count_rows(inputs: Arrays) -> int:
    """Returns the common first dimension.

    Raises:
        StatusError: a scalar, or first dimensions that differ.
    """
    rows = -1
    for array in inputs.values():
        if not array.ndim:
            raise invalid_argument(
                "Batching Run() input tensors must have at least one dimension"
            )
        if rows not in (-1, len(array)):
            raise invalid_argument(
                "Batching Run() input tensors must have equal 0th-dimension size"
            )
        rows = len(array)
    return max(rows, 0)


def text_bytes(inputs: Arrays) -> float | None:
    """Returns the mean length of the strings in all inputs, None without any."""
    texts = [t for a in inputs.values() if a.dtype.hasobject for t in a.flat]
    return sum(map(len, texts)) / len(texts) if texts else None


def row_shapes(inputs: Arrays) -> tuple[tuple[int, ...], ...]:
    """Returns what is equal for requests that are computed without padding."""
    return tuple(array.shape[1:] for array in inputs.values())


def split(inputs: Arrays, size: int) -> list[dict[str, np.ndarray]]:
    """Returns parts of at most `size` rows."""
    rows = len(next(iter(inputs.values())))
    return [
        {name: array[start : start + size] for name, array in inputs.items()}
        for start in range(0, rows, size)
    ]


def merge(
    parts: Sequence[Arrays], *, pad_lengths: bool, size: int
) -> dict[str, np.ndarray]:
    """Returns one array per input: all parts' rows, then copies up to `size` rows.

    Args:
        parts: the inputs of each request, batch first.
        pad_lengths: make rows of different lengths equal, with the first value of
            each request's array, as upstream does.
        size: rows wanted; the last request's first row fills what is missing.
    """
    merged = {}
    for name in parts[0]:
        arrays = [part[name] for part in parts]
        if pad_lengths:
            arrays = _equal_lengths(arrays)
        missing = size - sum(map(len, arrays))
        if missing > 0:
            arrays.append(np.repeat(arrays[-1][:1], missing, axis=0))
        merged[name] = np.concatenate(arrays) if len(arrays) > 1 else arrays[0]
    return merged


def divide(
    outputs: Arrays, counts: Sequence[int], size: int
) -> list[dict[str, np.ndarray]]:
    """Returns each request's rows of the results.

    Raises:
        StatusError: a result has not as many rows as the batch.
    """
    for array in outputs.values():
        if not array.ndim:
            raise StatusError(
                Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions"
            )
        if len(array) != size:
            raise StatusError(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the "
                "0th dimension sizes of the input tensors",
            )
    divided, start = [], 0
    for count in counts:
        end = start + count
        divided.append({name: array[start:end] for name, array in outputs.items()})
        start = end
    return divided


def join(parts: Sequence[Arrays]) -> dict[str, np.ndarray]:
    """Returns the results of a request that was split."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _equal_lengths(arrays: list[np.ndarray]) -> list[np.ndarray]:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) == 1:
        return arrays
    if len({len(shape) for shape in shapes}) != 1:
        raise invalid_argument(
            "Tensors of one batch have different numbers of dimensions and cannot be "
            "padded to one shape."
        )
    longest = tuple(max(sizes) for sizes in zip(*shapes, strict=True))
    return [_pad(array, longest) for array in arrays]


def _pad(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    filler = array.flat[0] if array.size else array.dtype.type()
    padded = np.full((len(array), *shape), filler, dtype=array.dtype)
    padded[tuple(slice(size) for size in array.shape)] = array
    return padded
