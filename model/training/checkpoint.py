"""What is kept of a training on disk: the variables that it changes, and no others.

A frozen encoder is not among them: it comes again from the folder that it came from,
whose digest stands in the file.
"""

import dataclasses
import io
import json
import logging
import os
import zipfile
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

_FACTS = "facts"

_logger = logging.getLogger(__name__)


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
    """Writes a file that is there whole, or as it was before; also at `gs://`."""
    arrays = {f"{i:05}": value for i, value in enumerate(values_of(variables))}
    content = io.BytesIO()
    np.savez(content, **arrays, **{_FACTS: np.array(json.dumps(facts))})
    tf.io.gfile.makedirs(os.path.dirname(path))
    written = f"{path}.new"
    with tf.io.gfile.GFile(written, "wb") as file:
        file.write(content.getvalue())
    tf.io.gfile.rename(written, path, overwrite=True)


def load(path: str) -> Kept | None:
    """Reads what `save` wrote; None if there is no such file, or a damaged one."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        content = io.BytesIO(file.read())
    try:
        with np.load(content) as arrays:
            names = sorted(name for name in arrays.files if name != _FACTS)
            values = [arrays[name] for name in names]
            return Kept(values=values, facts=json.loads(arrays[_FACTS].item()))
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError) as error:
        _logger.warning("%s is damaged (%s) and was not used.", path, error)
        return None
