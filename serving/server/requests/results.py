"""Output tensors as classes or as values, checked as upstream checks them."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from serving.client import protos
from serving.client.wire import dtypes
from serving.server.status import StatusError, invalid_argument

CLASSES, SCORES, OUTPUTS = "classes", "scores", "outputs"


@dataclasses.dataclass(frozen=True)
class Classes:
    """Labels `[B, K]` bytes and scores `[B, K]` float32; one of them may be missing."""

    labels: np.ndarray | None
    scores: np.ndarray | None

    @property
    def shape(self) -> tuple[int, int]:
        """Examples, and classes of each."""
        known = self.scores if self.labels is None else self.labels
        if known is None:
            return 0, 0
        return known.shape[0], known.shape[1]

    def rows(self) -> list[list[tuple[bytes, float]]]:
        """Lists the classes of each example; what is missing is empty, or zero."""
        labels, scores = self.labels, self.scores
        count, size = self.shape
        names = [[b""] * size] * count if labels is None else labels.tolist()
        numbers = [[0.0] * size] * count if scores is None else scores.tolist()
        return [
            list(zip(row, values, strict=True))
            for row, values in zip(names, numbers, strict=True)
        ]

    def message(self) -> "protos.ClassificationResult":
        """Returns the ClassificationResult. Text that is not UTF-8 gets marks."""
        result = protos.ClassificationResult()
        for row in self.rows():
            add = result.classifications.add().classes.add
            for label, score in row:
                add(label=label.decode("utf-8", "replace"), score=score)
        return result


@dataclasses.dataclass(frozen=True)
class Values:
    """One float32 per example, `[B]`."""

    values: np.ndarray

    def message(self) -> "protos.RegressionResult":
        """Returns the RegressionResult."""
        result = protos.RegressionResult()
        for value in self.values.tolist():
            result.regressions.add(value=value)
        return result


def to_classes(arrays: Mapping[str, np.ndarray], num_examples: int) -> Classes:
    """Returns the classes in `classes` and `scores`.

    Raises:
        StatusError: wrong shape or type, or another number of rows.
    """
    labels, scores = arrays.get(CLASSES), arrays.get(SCORES)
    if labels is not None:
        _check_class_tensor(CLASSES, labels, "DT_STRING", num_examples)
    if scores is not None:
        _check_class_tensor(SCORES, scores, "DT_FLOAT", num_examples)
    if labels is not None and scores is not None and labels.shape != scores.shape:
        raise invalid_argument(
            "Tensors class and score should match in dim_size(1). "
            f"Got {labels.shape[1]} vs. {scores.shape[1]}"
        )
    return Classes(labels, scores)


def to_values(arrays: Mapping[str, np.ndarray], num_examples: int) -> Values:
    """Returns the values in `outputs`.

    Raises:
        StatusError: wrong shape or type, or another number of rows.
    """
    array = np.asarray(arrays[OUTPUTS])
    if not (array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)):
        raise invalid_argument(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {_shape_text(array)}"
        )
    if len(array) != num_examples:
        raise invalid_argument(
            "Input batch size did not match output batch size: "
            f"{num_examples} vs. {len(array)}"
        )
    if _dtype_text(array) != "DT_FLOAT":
        raise invalid_argument(
            f"Expected output Tensor of DT_FLOAT.  Got: {_dtype_text(array)}"
        )
    return Values(array.reshape(-1))


def _check_class_tensor(
    name: str, array: np.ndarray, dtype: str, num_examples: int
) -> None:
    error: StatusError | None = None
    if array.ndim != 2:
        error = invalid_argument(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"{_shape_text(array)}"
        )
    elif _dtype_text(array) != dtype:
        error = invalid_argument(
            f"Expected {name} Tensor of {dtype}. Got: {_dtype_text(array)}"
        )
    elif len(array) != num_examples:
        error = invalid_argument(
            f"Expected {name} output batch size of {num_examples}. Got: {len(array)}"
        )
    if error is not None:
        raise error


def _shape_text(array: np.ndarray) -> str:
    return f"[{','.join(map(str, array.shape))}]"


def _dtype_text(array: np.ndarray) -> str:
    dtype = dtypes.by_numpy().get(array.dtype)
    return f"DT_{dtype.name if dtype else array.dtype}".upper()
