"""A TFLite model behind the same face as a SavedModel; `--prefer_tflite_model`."""

import contextlib
import dataclasses
import pathlib
import queue
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from serving import protos
from serving.edge import runtime
from serving.edge.errors import RuntimeMissingError
from serving.formats import dtypes
from serving.formats.tf_serving_names import PREDICT_METHOD
from serving.server.loading.tflite_signatures import Runner, find_runners
from serving.server.servable import Servable
from serving.server.status import Code, StatusError, invalid_argument

TFLITE_FILE = "model.tflite"
# TensorFlow has an interpreter too, but only until its next releases.
_TENSORFLOW_LITE = "tensorflow.lite.python"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TfliteConfig:
    """How many interpreters compute at the same time: pools times their size."""

    num_pools: int = 1
    num_interpreters_per_pool: int = 1

    @property
    def num_interpreters(self) -> int:
        """At least one; each has one thread and its own intermediate tensors."""
        return max(self.num_pools, 1) * max(self.num_interpreters_per_pool, 1)


class TfliteServable(Servable):
    """One version of a TFLite model, in a pool of interpreters.

    Inputs take the shape of the request, where the model's operations allow it.
    """

    def __init__(self, path: pathlib.Path, config: TfliteConfig) -> None:
        """Reads the file.

        Raises:
            StatusError: it is no TFLite model, or has operations the runtime lacks.
        """
        # Read, not mapped: a file that is overwritten in place would end the process.
        content = path.read_bytes()
        package = _find_runtime()
        self._idle: queue.LifoQueue[dict[str, Runner]] = queue.LifoQueue()
        for _ in range(config.num_interpreters):
            self._idle.put(find_runners(_interpreter(package, content)))
        with self.borrowed(None) as runners:
            self.signatures = {
                name: _signature_def(runner) for name, runner in runners.items()
            }

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        """The named outputs.

        The limit counts until an interpreter is free; a run itself cannot be stopped.

        Raises:
            StatusError: wrong types; shapes that the model cannot take.
        """
        _check_types(self.signatures[signature_name], inputs)
        with self.borrowed(timeout_s) as runners:
            found = runners[signature_name](inputs)
        return {alias: np.asarray(found[alias]) for alias in outputs}

    def close(self) -> None:
        """Frees the interpreters and the model. Nothing runs any more."""
        self._idle = queue.LifoQueue()

    @contextlib.contextmanager
    def borrowed(self, timeout_s: float | None) -> Iterator[dict[str, Runner]]:
        """An interpreter's signatures, for this thread alone within the block.

        Raises:
            StatusError: DEADLINE_EXCEEDED, none became free.
        """
        try:
            runners = self._idle.get(timeout=timeout_s)
        except queue.Empty:
            raise StatusError(
                Code.DEADLINE_EXCEEDED,
                "Timed out waiting for a TFLite interpreter; num_tflite_pools says how "
                "many there are.",
            ) from None
        try:
            yield runners
        finally:
            self._idle.put(runners)


def _find_runtime() -> str:
    try:
        return runtime.find_runtime()
    except RuntimeMissingError:
        return _TENSORFLOW_LITE


def _interpreter(package: str, content: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*Interpreter is deprecated")
            return runtime.make_interpreter(
                package, model_content=content, num_threads=1
            )
    except (ValueError, RuntimeError) as error:
        raise invalid_argument(
            f"Cannot build FlatBufferModel from buffer. {package}: {error}"
        ) from None


def _signature_def(runner: Runner) -> Any:
    signature = protos.SignatureDef(method_name=PREDICT_METHOD)
    sides = ((signature.inputs, runner.inputs), (signature.outputs, runner.outputs))
    for infos, details in sides:
        for alias, detail in details.items():
            infos[alias].name = detail["name"]
            infos[alias].dtype = _dtype(detail["dtype"]).number
            for size in detail["shape_signature"]:
                infos[alias].tensor_shape.dim.add(size=int(size))
    return signature


def _dtype(kind: Any) -> dtypes.DType:
    numpy_type = np.dtype(kind)
    if numpy_type.kind in "SUO":
        numpy_type = np.dtype(object)
    return dtypes.by_numpy()[numpy_type]


def _check_types(signature: Any, inputs: Mapping[str, np.ndarray]) -> None:
    # Upstream copies the bytes, whatever they mean; a session would say this.
    for index, alias in enumerate(sorted(inputs)):
        wanted = signature.inputs[alias].dtype
        given = _dtype(inputs[alias].dtype)
        if given.number != wanted:
            raise invalid_argument(
                f"Expects arg[{index}] to be {dtypes.name_of(wanted)} but {given.name} "
                "is provided"
            )
