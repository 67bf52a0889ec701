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
from serving.server.loading.tflite_signatures import fit_signature, read_signatures
from serving.server.requests.plans import DEFAULT_SIGNATURE
from serving.server.servable import Servable
from serving.server.status import Code, StatusError, invalid_argument

TFLITE_FILE = "model.tflite"
# TensorFlow has an interpreter too, but only until its next releases.
_TENSORFLOW_LITE = "tensorflow.lite.python"
ALLOCATE = "Failed to allocate tensors"
INVOKE = "Failed to invoke TfLite interpreter"

Details = Mapping[str, Mapping[str, Any]]
_STRING = dtypes.by_numpy()[np.dtype(object)]


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
    """Tensors by their names in the file, or by a signature's aliases of these.

    Without a signature all tensors are taken; `:0` at the end of a name is left out.

    Args:
        signature: a SignatureDef whose tensors are in the file.
    """

    def __init__(self, interpreter: Any, signature: Any | None = None) -> None:
        self._interpreter = interpreter
        inputs = interpreter.get_input_details()
        outputs = interpreter.get_output_details()
        self.inputs: Details = _by_alias(inputs)
        self.outputs: Details = _by_alias(outputs)
        if signature is not None:
            self.inputs = _of_infos(signature.inputs, inputs)
            self.outputs = _of_infos(signature.outputs, outputs)
        used = {detail["index"] for detail in self.inputs.values()}
        self._unused = [
            detail["index"]
            for detail in inputs
            if detail["index"] not in used and _dtype(detail["dtype"]) != _STRING
        ]

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
            for index in self._unused:
                # Nobody gets what another client sent to another signature.
                blank = np.zeros_like(self._interpreter.get_tensor(index))
                self._interpreter.set_tensor(index, blank)
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
        made = [_interpreter(package, content) for _ in range(num_interpreters)]
        stored = read_signatures(content)
        self._make = lambda: find_runners(_interpreter(package, content), stored)
        # None stands for one that failed, and is to be made again.
        self._idle: queue.LifoQueue[dict[str, Runner] | None] = queue.LifoQueue()
        for interpreter in made:
            self._idle.put(find_runners(interpreter, stored))
        with self.borrowed(None) as runners:
            self.signatures = {
                name: _signature_def(runner, stored.get(name))
                for name, runner in runners.items()
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
        del self._make  # it has the file's content

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
            if runners is None:
                runners = self._make()
            yield runners
        except BaseException:
            # After a shape that did not fit, the next run may end the process.
            runners = None
            raise
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
            made = runtime.make_interpreter(
                package, model_content=content, num_threads=1
            )
    except (ValueError, RuntimeError) as error:
        raise invalid_argument(
            f"Cannot build FlatBufferModel from buffer. {package}: {error}"
        ) from None
    # What the runtime lacks shows here, not in every request.
    with _step(ALLOCATE):
        made.allocate_tensors()
    return made


def _signature_def(runner: Runner, stored: Any | None) -> Any:
    """Completes a SignatureDef of the file, or makes one of what the runtime says."""
    signature = protos.SignatureDef(method_name=PREDICT_METHOD)
    if stored is not None:
        signature = stored
    sides = ((signature.inputs, runner.inputs), (signature.outputs, runner.outputs))
    for infos, details in sides:
        for alias, detail in details.items():
            info = infos[alias]
            info.name = detail["name"]
            info.dtype = info.dtype or _dtype(detail["dtype"]).number
            if info.HasField("tensor_shape"):
                continue
            info.tensor_shape.SetInParent()
            for size in detail["shape_signature"]:
                info.tensor_shape.dim.add(size=int(size))
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


def find_runners(
    interpreter: Any, stored: Mapping[str, Any] | None = None
) -> dict[str, Runner]:
    """Finds what computes each signature, by name.

    Args:
        interpreter: has read the file.
        stored: SignatureDefs of the file's metadata, which come before those that the
            runtime knows; without any, `serving_default` takes the raw tensors.

    Raises:
        StatusError: INTERNAL, a stored one names a tensor that is not there.
    """
    inputs = _by_name(interpreter.get_input_details())
    outputs = _by_name(interpreter.get_output_details())
    for signature in (stored or {}).values():
        fit_signature(signature, inputs, outputs)
    if stored:
        return {
            name: RawRunner(interpreter, signature)
            for name, signature in stored.items()
        }
    names = list(interpreter.get_signature_list())
    if not names:
        return {DEFAULT_SIGNATURE: RawRunner(interpreter)}
    return {name: NamedRunner(interpreter, name) for name in names}


def _of_infos(infos: Mapping[str, Any], details: list[dict[str, Any]]) -> Details:
    by_name = _by_name(details)
    return {alias: by_name[info.name] for alias, info in infos.items()}


def _by_name(details: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {detail["name"]: detail for detail in details}


def _by_alias(details: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {detail["name"].partition(":")[0]: detail for detail in details}
