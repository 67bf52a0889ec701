"""Which signatures can compute several requests together, read from their shapes."""

import logging
from collections.abc import Mapping

from serving import protos

log = logging.getLogger(__name__)


def batchable(signatures: Mapping[str, "protos.SignatureDef"]) -> frozenset[str]:
    """Names the signatures whose every tensor has a batch dimension first.

    The others run one request at a time; the log says why.
    """
    reasons = {name: reason_against(each) for name, each in signatures.items()}
    for name, reason in sorted(reasons.items()):
        if reason and not name.startswith("__saved_model_"):
            log.warning("Signature %s runs unbatched: %s.", name, reason)
    return frozenset(name for name, reason in reasons.items() if not reason)


def reason_against(signature: "protos.SignatureDef") -> str:
    """Says why its requests cannot be computed together; empty if they can."""
    if not signature.inputs:
        return "it has no inputs"
    if not signature.outputs:
        return "it has no outputs"
    sides = (("input", signature.inputs), ("output", signature.outputs))
    for side, infos in sides:
        for alias in sorted(infos):
            reason = _reason_of_tensor(infos[alias])
            if reason:
                return f"{side} {alias} {reason}"
    return ""


def _reason_of_tensor(info: "protos.TensorInfo") -> str:
    shape = info.tensor_shape
    if not info.name:
        return "is not a dense tensor"
    if shape.unknown_rank:
        return ""
    if not shape.dim:
        return "is a scalar, without a batch dimension"
    if shape.dim[0].size >= 0:
        return f"has a first dimension of fixed size {shape.dim[0].size}"
    return ""
