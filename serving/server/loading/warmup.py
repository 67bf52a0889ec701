"""Warm-up: requests that run after the load and before the version is AVAILABLE."""

import functools
import logging
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import DecodeError

from model import contract
from serving.client import protos
from serving.formats import tfrecord
from serving.server.loading.made_up_requests import synthesised
from serving.server.requests import plans
from serving.server.requests.predict_checks import (
    check_inputs,
    check_outputs,
    decode_inputs,
    find_signature,
)
from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError, invalid_argument

log = logging.getLogger(__name__)


def warm_up(servable: Servable, path: str, iterations: int = 1) -> WarmupReport:
    """Runs the recorded requests, or synthesised ones where no record is there.

    Args:
        servable: a model that nobody asks yet.
        path: its version directory.
        iterations: how often each recorded request runs; 0 means once.

    Raises:
        StatusError: a recorded request cannot be read, or fails; the load fails too.
    """
    file = file_of(path)
    if not file.exists():
        return WarmupReport(_run_synthesised(servable), "synthesised")
    count = 0
    for count, entry in enumerate(_entries(file), start=1):
        if count > contract.MAX_WARMUP_RECORDS:
            raise invalid_argument(
                "Number of warmup records exceeds the maximum "
                f"({contract.MAX_WARMUP_RECORDS}) at {file}"
            )
        for _ in range(max(iterations, 1)):
            _run_logged(servable, entry)
    return WarmupReport(count, "file")


def file_of(path: str) -> pathlib.Path:
    """Says where a version directory has its recorded requests, if it has any."""
    return pathlib.Path(path) / contract.WARMUP_FILE


def _entries(file: pathlib.Path) -> Iterator[Any]:
    try:
        yield from map(protos.PredictionLog.FromString, tfrecord.read_records(file))
    except tfrecord.TFRecordError as error:
        advice = "Please verify your warmup data is in TFRecord format."
        raise StatusError(Code.DATA_LOSS, f"{error}. {advice}") from None
    except DecodeError as error:
        raise invalid_argument(
            f"Failed to parse warmup record: {error} from {file}"
        ) from None


def _run_logged(servable: Servable, entry: Any) -> None:
    kind = entry.WhichOneof("log_type")
    if kind is None:
        return
    run = _KINDS.get(kind)
    if run is None:
        number = entry.DESCRIPTOR.fields_by_name[kind].number
        raise StatusError(
            Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}"
        )
    run(servable, getattr(entry, kind).request)


def _predict(servable: Servable, request: Any) -> None:
    name = request.model_spec.signature_name or plans.DEFAULT_SIGNATURE
    signature = find_signature(servable, name)
    complete = check_inputs(signature, decode_inputs(request.inputs))
    outputs = check_outputs(signature, list(request.output_filter))
    servable.run(name, complete, outputs, None)


def _run_plan(
    plan_of: Callable[..., plans.Plan], servable: Servable, request: Any
) -> None:
    name = request.model_spec.signature_name
    plan = plan_of(servable.signatures, name, request.input)
    call = plan.call
    plan.result(servable.run(call.signature_name, call.inputs, call.outputs, None))


def _multi_inference(servable: Servable, request: Any) -> None:
    plan = plans.plan_multi_inference(servable.signatures, request)
    plan.response(servable.run_many(plan.calls, None), version=0)


_KINDS: Mapping[str, Callable[[Servable, Any], None]] = {
    "predict_log": _predict,
    "classify_log": functools.partial(_run_plan, plans.plan_classify),
    "regress_log": functools.partial(_run_plan, plans.plan_regress),
    "multi_inference_log": _multi_inference,
}


def _run_synthesised(servable: Servable) -> int:
    """Says how many ran; one that fails says nothing about the model."""
    count = 0
    failures: dict[str, StatusError] = {}
    for name, inputs in synthesised(servable):
        if name in failures or name.startswith("__saved_model_"):
            continue
        try:
            servable.run(name, inputs, sorted(servable.signatures[name].outputs), None)
            count += 1
        except StatusError as error:
            failures[name] = error
            log.info("Signature %s was not warmed up: %s", name, error)
    return count
