"""May a signature classify, or regress? Upstream's conditions and words."""

from typing import Any

from serving.formats.tf_serving_names import CLASSIFY_METHOD, REGRESS_METHOD
from serving.server.status import invalid_argument

CLASSES, SCORES, INPUTS, OUTPUTS = "classes", "scores", "inputs", "outputs"


def check_classify(signature: Any, *, check_method: bool) -> list[str]:
    """The outputs to fetch: `classes`, `scores`, or both.

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


def check_regress(signature: Any, *, check_method: bool) -> list[str]:
    """The output to fetch: `outputs`.

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


def _check_method(signature: Any, kind: str, wanted: str, check_method: bool) -> None:
    if check_method and signature.method_name != wanted:
        raise invalid_argument(
            f"Expected {kind} signature method_name to be {wanted}. "
            f"Was: {signature.method_name}"
        )


def _check_one_input(signature: Any) -> None:
    if len(signature.inputs) != 1:
        raise invalid_argument("Expected one input Tensor.")


def _check_input_name(signature: Any, kind: str) -> None:
    if INPUTS not in signature.inputs:
        raise invalid_argument(f"No {kind} inputs found in SignatureDef: {signature}")
