"""Classify, Regress and MultiInference: what to run, and what its tensors say.

A plan holds `calls` for a servable; `plan.result(arrays)` makes of their outputs what
the client asked for. Nothing here waits, runs a model or knows a transport.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from model import contract
from serving.client import protos
from serving.client.wire.tf_serving_names import CLASSIFY_METHOD, REGRESS_METHOD
from serving.server.requests import results
from serving.server.requests.results import (
    CLASSES,
    OUTPUTS,
    SCORES,
    Classes,
    Values,
)
from serving.server.servable import Call
from serving.server.status import Code, StatusError, invalid_argument

DEFAULT_SIGNATURE = contract.Signature.SERVING_DEFAULT.value
INPUTS = "inputs"

Arrays = Mapping[str, np.ndarray]
Signatures = Mapping[str, "protos.SignatureDef"]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A classification or a regression that may run."""

    call: Call
    is_classify: bool

    @property
    def num_examples(self) -> int:
        """The rows of the request, and of the answer."""
        return len(self.call.inputs[INPUTS])

    def result(self, arrays: Arrays) -> Classes | Values:
        """Returns the answer; `.message()` is its proto.

        Raises:
            StatusError: the model's outputs are not classes, or not values.
        """
        if self.is_classify:
            return results.to_classes(arrays, self.num_examples)
        return results.to_values(arrays, self.num_examples)


def plan_classify(
    signatures: Signatures,
    name: str,
    message: "protos.Input",
    *,
    check_method: bool = False,
) -> Plan:
    """Plans a Classify request.

    Args:
        signatures: those of the servable.
        name: the signature asked for; empty means `serving_default`.
        message: the request's `Input`.
        check_method: insist on the signature's method name.

    Raises:
        StatusError: the signature cannot classify, or the input is empty.
    """
    signature = _find(signatures, name)
    outputs = check_classify(signature, check_method=check_method)
    return _plan(name, serialized_examples(message), outputs, is_classify=True)


def plan_regress(
    signatures: Signatures,
    name: str,
    message: "protos.Input",
    *,
    check_method: bool = False,
) -> Plan:
    """Plans a Regress request; like `plan_classify`."""
    signature = _find(signatures, name)
    outputs = check_regress(signature, check_method=check_method)
    return _plan(name, serialized_examples(message), outputs, is_classify=False)


def _find(signatures: Signatures, name: str) -> "protos.SignatureDef":
    signature = signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise invalid_argument(
            f"No signature was found with the name: {name or DEFAULT_SIGNATURE}"
        )
    return signature


def _plan(name: str, fed: np.ndarray, outputs: list[str], *, is_classify: bool) -> Plan:
    return Plan(Call(name or DEFAULT_SIGNATURE, {INPUTS: fed}, outputs), is_classify)


@dataclasses.dataclass(frozen=True)
class MultiPlan:
    """The tasks of a MultiInference request; all read the same examples."""

    model_name: str
    plans: list[Plan]

    @property
    def num_examples(self) -> int:
        """The rows of the request."""
        return self.plans[0].num_examples

    @property
    def calls(self) -> list[Call]:
        """What to run, in the order of the tasks."""
        return [plan.call for plan in self.plans]

    def response(
        self, found: Sequence[Arrays], version: int
    ) -> "protos.MultiInferenceResponse":
        """Returns the MultiInferenceResponse, given the outputs of every call.

        Raises:
            StatusError: some outputs are not classes, or not values.
        """
        response = protos.MultiInferenceResponse()
        for plan, arrays in zip(self.plans, found, strict=True):
            message = plan.result(arrays).message()
            result = response.results.add()
            field = f"{'classification' if plan.is_classify else 'regression'}_result"
            getattr(result, field).CopyFrom(message)
            result.model_spec.name = self.model_name
            result.model_spec.signature_name = plan.call.signature_name
            result.model_spec.version.value = version
        return response


def first_model_spec(request: "protos.MultiInferenceRequest") -> "protos.ModelSpec":
    """Returns the ModelSpec that chooses model and version for all tasks."""
    return request.tasks[0].model_spec if request.tasks else protos.ModelSpec()


def plan_multi_inference(
    signatures: Signatures,
    request: "protos.MultiInferenceRequest",
    *,
    check_method: bool = False,
) -> MultiPlan:
    """Plans a MultiInferenceRequest: every task is checked before any runs.

    Raises:
        StatusError: with upstream's words for the first task that cannot run.
    """
    chosen: dict[str, tuple[list[str], bool]] = {}
    model_name = ""
    for task in request.tasks:
        model_name = _same_model(model_name, task.model_spec.name)
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in chosen:
            raise invalid_argument(f"Duplicate evaluation of signature: {name}")
        chosen[name] = _check_task(signatures, name, task.method_name, check_method)
    fed = serialized_examples(request.input)
    plans = [
        _plan(name, fed, outputs, is_classify=is_classify)
        for name, (outputs, is_classify) in chosen.items()
    ]
    return MultiPlan(model_name, plans)


def _same_model(before: str, name: str) -> str:
    if not name:
        raise invalid_argument("Found ModelSpec with an empty model name.")
    if before not in ("", name):
        raise invalid_argument(
            "All ModelSpecs in a MultiInferenceRequest must access the same model name."
        )
    return name


def _check_task(
    signatures: Signatures, name: str, method: str, check_method: bool
) -> tuple[list[str], bool]:
    signature = signatures.get(name)
    if signature is None:
        raise invalid_argument(f"Requested signature not found in model graph: {name}")
    if method == CLASSIFY_METHOD:
        return check_classify(signature, check_method=check_method), True
    if method == REGRESS_METHOD:
        return check_regress(signature, check_method=check_method), False
    raise StatusError(
        Code.UNIMPLEMENTED, f"Unsupported signature method_name: {method}"
    )


def serialized_examples(message: "protos.Input") -> np.ndarray:
    """Returns `[B]` bytes, a tf.Example each; a context's bytes stand in front.

    Putting bytes in front merges the two messages, for that is how protobuf reads a
    field that comes twice.

    Raises:
        StatusError: there is no example.
    """
    context = b""
    examples = message.example_list.examples
    if message.WhichOneof("kind") == "example_list_with_context":
        listed = message.example_list_with_context
        context, examples = listed.context.SerializeToString(), listed.examples
    if not examples:
        raise invalid_argument("Input is empty.")
    array = np.empty(len(examples), dtype=object)
    array[:] = [context + example.SerializeToString() for example in examples]
    return array


def check_classify(
    signature: "protos.SignatureDef", *, check_method: bool
) -> list[str]:
    """Returns the outputs to fetch: `classes`, `scores`, or both.

    Raises:
        StatusError: the signature does not classify tf.Examples.
    """
    _check_method(signature, "classification", CLASSIFY_METHOD, check_method)
    _check_one_input(signature)
    if len(signature.outputs) not in (1, 2):
        raise invalid_argument(
            f"Expected one or two output Tensors, found {len(signature.outputs)}"
        )
    _check_input_name(signature, "classification")
    found = [name for name in (CLASSES, SCORES) if name in signature.outputs]
    if not found:
        raise invalid_argument(
            "Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature was: {signature}'
        )
    return found


def check_regress(signature: "protos.SignatureDef", *, check_method: bool) -> list[str]:
    """Returns the output to fetch: `outputs`.

    Raises:
        StatusError: the signature does not regress tf.Examples.
    """
    _check_method(signature, "regression", REGRESS_METHOD, check_method)
    _check_one_input(signature)
    if len(signature.outputs) != 1:
        raise invalid_argument("Expected one output Tensor.")
    _check_input_name(signature, "regression")
    if OUTPUTS not in signature.outputs:
        raise invalid_argument(
            f"No regression outputs found in SignatureDef: {signature}"
        )
    return [OUTPUTS]


def _check_method(
    signature: "protos.SignatureDef", kind: str, wanted: str, check_method: bool
) -> None:
    if check_method and signature.method_name != wanted:
        raise invalid_argument(
            f"Expected {kind} signature method_name to be {wanted}. "
            f"Was: {signature.method_name}"
        )


def _check_one_input(signature: "protos.SignatureDef") -> None:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")


def _check_input_name(signature: "protos.SignatureDef", kind: str) -> None:
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")
