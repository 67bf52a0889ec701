"""The classifier on a device: numpy and a TFLite runtime, no TensorFlow.

The names below are imported when they are first used: who needs only the contract's
names does not pay for numpy.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .classifier import EdgeClassifier
    from .errors import (
        ClosedError,
        EdgeError,
        ModelFileError,
        RuntimeMissingError,
        TextError,
    )
    from .prediction import Prediction

_HOMES = {"EdgeClassifier": "classifier", "Prediction": "prediction"}

__all__ = [
    "ClosedError",
    "EdgeClassifier",
    "EdgeError",
    "ModelFileError",
    "Prediction",
    "RuntimeMissingError",
    "TextError",
]


def __getattr__(name: str) -> object:
    """Finds a public name in the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(module, name)
