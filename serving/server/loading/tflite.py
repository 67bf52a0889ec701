"""A TFLite model behind the same face as a SavedModel; `--prefer_tflite_model`."""

import contextlib
import math
import pathlib
import queue
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.client import protos
from serving.client.wire import dtypes
from serving.client.wire.tf_serving_names import PREDICT_METHOD
from serving.edge import runtime
from serving.edge.errors import RuntimeMissingError
from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.servable import Servable
from serving.server.status import Code, StatusError, invalid_argument

TFLITE_FILE = "model.tflite"
# TensorFlow has an interpreter too, but only until its next releases.
_TENSORFLOW_LITE = "tensorflow.lite.python"
ALLOCATE = "Failed to allocate tensors"
INVOKE = "Failed to invoke TfLite interpreter"

Details = Mapping[str, Mapping[str, Any]]


class NamedRunner:
    """A signature that the file brings along. Not for several threads at once."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self._runner = interpreter.get_signature_runner(name)
        self.inputs: Details = self._runner.get_input_details()
        self.outputs: Details = self._runner.get_output_details()

    def __call__(self, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Computes every output. Inputs take the shapes of the values.

        Raises:
            StatusError: INTERNAL, in upstream's words.
        """
        try:
            return dict(self._runner(**values))
        except (ValueError, RuntimeError) as error:
            # The runtime does all in one call; only its words say which step it was.
            is_planning = "prepare" in str(error) or "allocat" in str(error).lower()
            step = ALLOCATE if is_planning else INVOKE
            raise StatusError(Code.INTERNAL, f"{step} ({error})") from None


class RawRunner:
    """Tensor names instead of a signature; `:0` at the end of a name is left out."""

    def __init__(self, interpreter: Any) -> None:
        self._interpreter = interpreter
        self.inputs: Details = _by_alias(interpreter.get_input_details())
        self.outputs: Details = _by_alias(interpreter.get_output_details())

    def __call__(self, values: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """Computes every output. Inputs take the shapes of the values.

        Raises:
            StatusError: INTERNAL, in upstream's words.
        """
        for alias, value in values.items():
            self._resize(alias, value)
        with _step(ALLOCATE):
            self._interpreter.allocate_tensors()
        with _step(INVOKE):
            for alias, value in values.items():
                self._interpreter.set_tensor(self.inputs[alias]["index"], value)
            self._interpreter.invoke()
        return {
            alias: self._interpreter.get_tensor(detail["index"])
            for alias, detail in self.outputs.items()
        }

    def _resize(self, alias: str, value: np.ndarray) -> None:
        detail = self.inputs[alias]
        size = math.prod(map(int, detail["shape"])) * np.dtype(detail["dtype"]).itemsize
        sizes = f"from {size} to {value.nbytes} bytes."
        with _step(f"Failed to resize input tensor: {alias} {sizes}"):
            self._interpreter.resize_tensor_input(detail["index"], value.shape)


@contextlib.contextmanager
def _step(words: str) -> Iterator[None]:
    """Raises `StatusError`, INTERNAL in these words, where the runtime gives up."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        raise StatusError(Code.INTERNAL, f"{words} ({error})") from None


Runner = NamedRunner | RawRunner


class TfliteServable(Servable):
    """One version of a TFLite model, in a pool of interpreters.

    Inputs take the shape of the request, where the model's operations allow it.
    """

    def __init__(self, path: pathlib.Path, num_interpreters: int = 1) -> None:
        """Reads the file.

        Args:
            path: of the file.
            num_interpreters: how many compute at the same time; each has one thread and
                its own intermediate tensors.

        Raises:
            StatusError: it is not a TFLite model, or has operations the runtime lacks.
        """
        # Read, not mapped: a file that is overwritten in place would end the process.
        content = path.read_bytes()
        package = _find_runtime()
        self._idle: queue.LifoQueue[dict[str, Runner]] = queue.LifoQueue()
        for _ in range(num_interpreters):
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
        """Computes the named outputs.

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
        """Lends an interpreter's signatures to this thread, within the block.

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


def _dtype(kind: npt.DTypeLike) -> dtypes.DType:
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


def find_runners(interpreter: Any) -> dict[str, Runner]:
    """Finds them by name; without any, `serving_default` takes the raw tensors."""
    names = list(interpreter.get_signature_list())
    if not names:
        return {DEFAULT_SIGNATURE: RawRunner(interpreter)}
    return {name: NamedRunner(interpreter, name) for name in names}


def _by_alias(details: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {detail["name"].partition(":")[0]: detail for detail in details}
