"""What is kept of a training on disk: the variables that it changes, and no others.

A frozen encoder is not among them: it comes again from the folder that it came from,
whose digest stands in the file.
"""

import dataclasses
import json
import os
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

_FACTS = "facts"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept:
    """The values of some variables, and `facts` that JSON can hold."""

    values: list[np.ndarray]
    facts: dict[str, Any]


def changing(model: keras.Model) -> list[keras.Variable]:
    """Lists what training changes: trainable variables, and random generators."""
    return [v for v in model.variables if v.trainable or "float" not in v.dtype]


def values_of(variables: Sequence[keras.Variable]) -> list[np.ndarray]:
    """Copies the values, in the order of the variables."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables]


def assign(variables: Sequence[keras.Variable], values: Sequence[np.ndarray]) -> None:
    """Gives the variables these values.

    Raises:
        ValueError: The values are of another model or optimizer.
    """
    shapes = [tuple(variable.shape) for variable in variables]
    if shapes != [value.shape for value in values]:
        raise ValueError(
            f"The checkpoint has {len(values)} variables that do not fit the "
            f"{len(shapes)} of this model and optimizer; delete it to start anew."
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def save(path: str, variables: Sequence[keras.Variable], facts: dict[str, Any]) -> None:
    """Writes a file that is there whole, or as it was before."""
    arrays = {f"{i:05}": value for i, value in enumerate(values_of(variables))}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    written = f"{path}.new.npz"
    np.savez(written, **arrays, **{_FACTS: np.array(json.dumps(facts))})
    os.replace(written, path)


def load(path: str) -> Kept | None:
    """Reads what `save` wrote; None if there is no such file."""
    if not os.path.exists(path):
        return None
    with np.load(path) as file:
        names = sorted(name for name in file.files if name != _FACTS)
        values = [file[name] for name in names]
        return Kept(values=values, facts=json.loads(file[_FACTS].item()))
