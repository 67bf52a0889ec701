"""Texts to a TensorProto and a classifier's answer to predictions, without numpy.

The way of almost every request: `tensors` handles all types, and importing
numpy alone takes longer than everything else a client does before its first answer.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from .. import contract
from ..prediction import Prediction

DT_FLOAT, DT_STRING, DT_BOOL = 1, 7, 10
MARKS = (contract.TEXT_IS_UNKNOWN, contract.IS_REJECTED)
"""Outputs that mark a row; each is a field of `Prediction` under the same name."""


def fill_texts(tensor: Any, texts: Sequence[str]) -> None:
    """Makes the empty TensorProto a string tensor `[len(texts)]`."""
    tensor.dtype = DT_STRING
    tensor.tensor_shape.dim.add(size=len(texts))
    tensor.string_val.extend([text.encode("utf-8") for text in texts])


def predictions(
    outputs: Mapping[str, Any], count: int, model_version: int | None
) -> list[Prediction]:
    """Reads `labels` and `scores`, TensorProtos `[count, K]`.

    And the marks `[count]`, `text_is_unknown` and `is_rejected`, where there are any.

    Raises:
        ValueError: an output is missing, or is not of that shape or type.
    """
    check_outputs(outputs)
    labels, scores = outputs[contract.LABELS], outputs[contract.SCORES]
    shape = [dim.size for dim in labels.tensor_shape.dim]
    if shape != [dim.size for dim in scores.tensor_shape.dim]:
        raise ValueError("labels and scores differ in shape")
    if len(shape) != 2 or shape[0] != count or shape[1] < 1:
        raise ValueError(f"labels of shape {shape} for {count} texts")
    names = [item.decode("utf-8") for item in _strings(labels, math.prod(shape))]
    found = rows(names, _floats(scores, math.prod(shape)), shape[1], model_version)
    marks = {name: _booleans(outputs[name], count) for name in MARKS if name in outputs}
    return marked(found, marks)


def rows(
    names: Sequence[str],
    values: Sequence[float],
    num_classes: int,
    model_version: int | None,
) -> list[Prediction]:
    """Makes one prediction per `num_classes` of the flat `names` and `values`."""
    found = []
    for start in range(0, len(names), num_classes):
        stop = start + num_classes
        labels, scores = tuple(names[start:stop]), tuple(values[start:stop])
        found.append(Prediction(labels[0], scores[0], labels, scores, model_version))
    return found


def marked(
    found: list[Prediction], marks: Mapping[str, Sequence[bool]]
) -> list[Prediction]:
    """Says of each prediction whether its text is unknown, and whether it is rejected.

    Args:
        found: the predictions.
        marks: one bool per prediction for each of `MARKS` that the model gives.

    Raises:
        ValueError: there is not one bool per prediction.
    """
    for name, values in marks.items():
        if len(values) != len(found):
            raise ValueError(f"{len(values)} rows of {name} for {len(found)} texts")
    unmarked = [False] * len(found)
    unknown, rejected = (marks.get(name, unmarked) for name in MARKS)
    return [
        dataclasses.replace(
            prediction, text_is_unknown=bool(is_unknown), is_rejected=bool(is_rejected)
        )
        if is_unknown or is_rejected
        else prediction
        for prediction, is_unknown, is_rejected in zip(found, unknown, rejected)
    ]


def check_outputs(outputs: Mapping[str, object]) -> None:
    """Raises `ValueError` unless the outputs are a text classifier's."""
    missing = {contract.LABELS, contract.SCORES}.difference(outputs)
    if missing:
        raise ValueError(f"outputs {sorted(outputs)}, without {sorted(missing)}")


def _strings(tensor: Any, size: int) -> Sequence[bytes]:
    if tensor.dtype == DT_STRING and len(tensor.string_val) == size:
        return tensor.string_val
    return _decoded(tensor, "O")


def _floats(tensor: Any, size: int) -> Sequence[float]:
    if tensor.dtype == DT_FLOAT:
        if len(tensor.float_val) == size:
            return tensor.float_val[:]
        if len(tensor.tensor_content) == 4 * size:
            return memoryview(tensor.tensor_content).cast("f").tolist()
    return _decoded(tensor, "f")


def _booleans(tensor: Any, size: int) -> Sequence[bool]:
    if tensor.dtype == DT_BOOL and len(tensor.bool_val) == size:
        return tensor.bool_val
    return _decoded(tensor, "b")


def _decoded(tensor: Any, kind: str) -> list[Any]:
    """Reads the rarer encodings: short fields, half precision."""
    from . import tensors

    array = tensors.decode(tensor)
    if array.dtype.kind != kind:
        raise ValueError(f"{array.dtype} where another type was expected")
    return array.ravel().tolist()
