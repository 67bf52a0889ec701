"""Signatures, inputs and tensors for the tests of Classify, Regress, MultiInference."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from serving.client import protos

Kind = tuple[str, tuple[int, ...]]
Case = tuple[Mapping[str, Kind], Mapping[str, Kind]]

CLASSIFY, REGRESS = "tensorflow/serving/classify", "tensorflow/serving/regress"

TEXT: Kind = ("DT_STRING", (-1,))
FLOAT: Kind = ("DT_FLOAT", (-1,))
BOTH: Case = ({"inputs": TEXT}, {"classes": TEXT, "scores": FLOAT})
VALUE: Case = ({"inputs": TEXT}, {"outputs": FLOAT})


def signatures(**cases: Case) -> dict[str, Any]:
    """SignatureDefs by name."""
    found = {}
    for name, (inputs, outputs) in cases.items():
        message = protos.SignatureDef()
        for infos, kinds in ((message.inputs, inputs), (message.outputs, outputs)):
            for alias, (dtype, _) in kinds.items():
                infos[alias].name = f"{alias}:0"
                infos[alias].dtype = protos.enum(protos.DATA_TYPE).Value(dtype)
        found[name] = message
    return found


def input_of(count: int) -> Any:
    """An `Input` of so many examples."""
    message = protos.Input()
    for number in range(count):
        example = message.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(number)
    return message


def labelled(rows: list[Any]) -> np.ndarray:
    """An array of bytes of the texts in `rows`."""
    texts = np.array(rows)
    array = np.empty(texts.shape, object)
    array.flat = [text.encode() for text in texts.ravel().tolist()]
    return array
