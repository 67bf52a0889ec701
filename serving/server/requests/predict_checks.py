"""Names and tensors of a Predict request against the signature it asks for."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from serving.client import protos
from serving.client.wire import tensors
from serving.server import upstream_texts
from serving.server.servable import Servable
from serving.server.status import StatusError

MAX_EMPTY_EXTENT = 2**20


def find_signature(servable: Servable, name: str) -> "protos.SignatureDef":
    """Returns the SignatureDef of that name.

    Raises:
        StatusError: FAILED_PRECONDITION, there is none.
    """
    signature = servable.signatures.get(name)
    if signature is None:
        raise upstream_texts.unknown_signature(name)
    return signature


def signature_map(servable: Servable) -> "protos.SignatureDefMap":
    """Returns all signatures, as GetModelMetadata tells them."""
    message = protos.SignatureDefMap()
    for name, signature in servable.signatures.items():
        message.signature_def[name].CopyFrom(signature)
    return message


def decode_inputs(inputs: Mapping[str, "protos.TensorProto"]) -> dict[str, np.ndarray]:
    """Returns the arrays of a PredictRequest's tensors.

    Raises:
        StatusError: a tensor that is none.
    """
    decoded = {}
    for alias, tensor in inputs.items():
        try:
            decoded[alias] = tensors.decode(tensor)
        except tensors.CodecError as error:
            raise upstream_texts.tensor_parsing_error(alias, error) from None
        _check_emptiness(alias, decoded[alias])
    return decoded


def _check_emptiness(alias: str, array: np.ndarray) -> None:
    """Refuses a tensor of nothing whose other dimensions no tensor has.

    A message of a few bytes would make TensorFlow count up to them: it takes all of the
    memory, or ends the process where a counter runs over.
    """
    if array.size:
        return
    extent = math.prod(size for size in array.shape if size)
    if extent > MAX_EMPTY_EXTENT:
        raise upstream_texts.tensor_parsing_error(
            alias,
            f"Shape {list(array.shape)} holds nothing, and its other dimensions make "
            f"{extent}; up to {MAX_EMPTY_EXTENT} are taken.",
        )


def check_inputs(
    signature: "protos.SignatureDef", inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns the inputs, completed with the signature's defaults."""
    defaults = getattr(signature, "defaults", {})
    if len(inputs) != len(signature.inputs) and not defaults:
        raise upstream_texts.input_size_mismatch(inputs, signature.inputs)
    complete: dict[str, np.ndarray] = {}
    for alias in sorted(signature.inputs):
        if alias in inputs:
            complete[alias] = inputs[alias]
        elif alias in defaults:
            complete[alias] = tensors.decode(defaults[alias])
        else:
            info = signature.inputs[alias]
            error = upstream_texts.input_not_found(alias, info, inputs, defaults)
            raise _with_unknown_names(error, signature.inputs, inputs)
    used = inputs.keys() & signature.inputs.keys()
    if len(used) != len(inputs):
        raise upstream_texts.invalid_input_name(used, inputs)
    return complete


def _with_unknown_names(
    error: StatusError, wanted: Collection[str], sent: Collection[str]
) -> StatusError:
    used = set(wanted) & set(sent)
    if len(used) == len(sent):
        return error
    more = upstream_texts.invalid_input_name(used, sent)
    return upstream_texts.invalid_argument(f"{error.message} {more.message}")


def check_outputs(
    signature: "protos.SignatureDef", output_filter: Sequence[str]
) -> list[str]:
    """Returns the outputs to compute: those asked for, or all."""
    seen: list[str] = []
    for alias in output_filter:
        if alias not in signature.outputs:
            raise upstream_texts.unknown_output(alias, signature.outputs)
        if alias in seen:
            raise upstream_texts.duplicate_output(alias)
        seen.append(alias)
    return seen or sorted(signature.outputs)
