"""The signatures of a TFLite interpreter: its own, or one over its raw tensors."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.status import Code, StatusError

Details = Mapping[str, Mapping[str, Any]]


class Runner(Protocol):
    """One signature of one interpreter. Not for several threads at once."""

    inputs: Details
    outputs: Details

    def __call__(self, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Every output. Inputs take the shapes of the values."""


def find_runners(interpreter: Any) -> dict[str, Runner]:
    """By name; a file without signatures has `serving_default` over its tensors."""
    names = list(interpreter.get_signature_list())
    if not names:
        return {DEFAULT_SIGNATURE: RawRunner(interpreter)}
    return {name: NamedRunner(interpreter, name) for name in names}


class NamedRunner:
    """A signature that the file brings along."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self._runner = interpreter.get_signature_runner(name)
        self.inputs: Details = self._runner.get_input_details()
        self.outputs: Details = self._runner.get_output_details()

    def __call__(self, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Every output. Inputs take the shapes of the values.

        Raises:
            StatusError: INTERNAL, in upstream's words.
        """
        try:
            return dict(self._runner(**values))
        except (ValueError, RuntimeError) as error:
            # The runtime does all in one call; only its words say which step it was.
            is_planning = "prepare" in str(error) or "allocat" in str(error).lower()
            raise _internal(ALLOCATE if is_planning else INVOKE, error) from None


ALLOCATE = "Failed to allocate tensors"
INVOKE = "Failed to invoke TfLite interpreter"


class RawRunner:
    """Tensor names instead of a signature; `:0` at the end of a name is left out."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self.inputs: Details = _by_alias(interpreter.get_input_details())
        self.outputs: Details = _by_alias(interpreter.get_output_details())

    def __call__(self, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Every output. Inputs take the shapes of the values.

        Raises:
            StatusError: INTERNAL, in upstream's words.
        """
        for alias, value in values.items():
            self._resize(alias, value)
        try:
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise _internal(ALLOCATE, error) from None
        try:
            for alias, value in values.items():
                self._interpreter.set_tensor(self.inputs[alias]["index"], value)
            self._interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise _internal(INVOKE, error) from None
        return {
            alias: self._interpreter.get_tensor(detail["index"])
            for alias, detail in self.outputs.items()
        }

    def _resize(self, alias: str, value: np.ndarray) -> None:
        detail = self.inputs[alias]
        try:
            self._interpreter.resize_tensor_input(detail["index"], value.shape)
        except (ValueError, RuntimeError) as error:
            size = int(np.prod(detail["shape"])) * np.dtype(detail["dtype"]).itemsize
            step = (
                f"Failed to resize input tensor: {alias} from {size} to {value.nbytes} "
                "bytes."
            )
            raise _internal(step, error) from None


def _by_alias(details: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {detail["name"].partition(":")[0]: detail for detail in details}


def _internal(step: str, error: Exception) -> StatusError:
    return StatusError(Code.INTERNAL, f"{step} ({error})")
