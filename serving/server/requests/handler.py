"""What a request does, whichever transport brought it: tensors in, tensors out."""

import asyncio
import dataclasses
import logging
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import numpy as np

from serving.client import protos
from serving.server import upstream_texts
from serving.server.batching.scheduler import Scheduler
from serving.server.models.manager import ModelManager
from serving.server.models.version import ServedVersion
from serving.server.observation.record import Observer, RequestRecord
from serving.server.observation.request_log import RequestLogger
from serving.server.requests import plans
from serving.server.requests.logged_messages import log_inference, log_predict
from serving.server.requests.predict_checks import (
    check_inputs,
    check_outputs,
    find_signature,
)
from serving.server.requests.results import Classes, Values
from serving.server.servable import Call, Servable
from serving.server.status import Code, from_exception

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """Which model a request is for. Neither version nor label means the latest."""

    name: str
    version: int | None = None
    label: str = ""


class RequestHandler:
    """Answers requests with the models of a manager; lives on the event loop.

    A transport tells the same story for each of them, within one context:

        with handler.begin(record) as request:
            ...                            # parse
            version = request.lease(ref)
            ... = await handler.predict(version, ...)
            ...                            # write

    Args:
        samples: keeps some requests and their answers; None keeps none.
        check_method_name: insist on the method name of a signature that classifies.
    """

    def __init__(
        self,
        manager: ModelManager,
        scheduler: Scheduler,
        observers: Sequence[Observer] = (),
        *,
        samples: RequestLogger | None = None,
        check_method_name: bool = False,
    ) -> None:
        self.manager = manager
        self.observers = list(observers)
        self.in_flight = 0
        self.is_closing = False
        self.closed = asyncio.Event()
        self._scheduler = scheduler
        self._samples = samples
        self._check_method = check_method_name

    async def refuse(self) -> None:
        """Ends a request that comes once `is_closing` is set.

        Raises:
            StatusError: UNAVAILABLE, which clients repeat, but only after `closed` is
                set: a client that came back at once would meet a server that is just
                closing, and CANCELLED.
        """
        await self.closed.wait()
        raise upstream_texts.shutting_down()

    def begin(self, record: RequestRecord) -> "RequestUnderWay":
        """Gives the context in which a request is answered."""
        return RequestUnderWay(self, record)

    async def predict(
        self,
        version: ServedVersion,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        record: RequestRecord,
        *,
        output_filter: Sequence[str] = (),
        timeout_s: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Checks names as upstream does, then runs the signature.

        Raises:
            StatusError: names do not fit the signature, or running it failed.
        """
        servable = version.servable
        signature = find_signature(servable, signature_name)
        complete = check_inputs(signature, inputs)
        outputs = check_outputs(signature, output_filter)
        first = next(iter(complete.values()), None)
        record.rows = len(first) if first is not None and first.ndim else 1
        call = Call(signature_name, complete, outputs)
        found = await self._run(version, servable, call, record, timeout_s)
        if samples := self._samples_of(version):
            log_predict(samples, version, call, found)
        return found

    async def classify(
        self,
        version: ServedVersion,
        signature_name: str,
        examples: "protos.Input",
        record: RequestRecord,
        timeout_s: float | None = None,
    ) -> Classes | Values:
        """Classifies tf.Examples.

        Args:
            version: what answers.
            signature_name: empty means the default.
            examples: an `Input`.
            record: of this request.
            timeout_s: how long it may take.

        Raises:
            StatusError: input, signature or outputs do not fit, or running failed.
        """
        plan = plans.plan_classify(
            version.servable.signatures,
            signature_name,
            examples,
            check_method=self._check_method,
        )
        return await self._infer(version, plan, examples, record, timeout_s)

    async def regress(
        self,
        version: ServedVersion,
        signature_name: str,
        examples: "protos.Input",
        record: RequestRecord,
        timeout_s: float | None = None,
    ) -> Classes | Values:
        """Regresses tf.Examples; like `classify`."""
        plan = plans.plan_regress(
            version.servable.signatures,
            signature_name,
            examples,
            check_method=self._check_method,
        )
        return await self._infer(version, plan, examples, record, timeout_s)

    async def _infer(
        self,
        version: ServedVersion,
        plan: plans.Plan,
        examples: "protos.Input",
        record: RequestRecord,
        timeout_s: float | None,
    ) -> Classes | Values:
        record.rows = plan.num_examples
        found = await self._run(version, version.servable, plan.call, record, timeout_s)
        result = plan.result(found)
        if samples := self._samples_of(version):
            log_inference(samples, version, plan, examples, result)
        return result

    async def multi_inference(
        self,
        version: ServedVersion,
        request: "protos.MultiInferenceRequest",
        record: RequestRecord,
        timeout_s: float | None = None,
    ) -> "protos.MultiInferenceResponse":
        """Returns the MultiInferenceResponse: all tasks in one run.

        Raises:
            StatusError: a task does not fit the model, or running failed.
        """
        plan = plans.plan_multi_inference(
            version.servable.signatures, request, check_method=self._check_method
        )
        record.rows = plan.num_examples
        servable = version.servable
        if len(plan.calls) == 1:
            found = [
                await self._run(version, servable, plan.calls[0], record, timeout_s)
            ]
        else:
            combined = CombinedServable(servable, plan.calls)
            await self._run(version, combined, plan.calls[0], record, timeout_s)
            found = combined.found
        response = plan.response(found, version.number)
        if samples := self._samples_of(version):
            samples.log(version, request, response)
        return response

    async def _run(
        self,
        version: ServedVersion,
        servable: Servable,
        call: Call,
        record: RequestRecord,
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        record.signature_name = call.signature_name
        done = await self._scheduler.run(
            servable,
            call.signature_name,
            call.inputs,
            call.outputs,
            timeout_s=timeout_s,
            version=version,
        )
        record.queue_s, record.run_s = done.queue_s, done.run_s
        record.batch_rows = done.batch_rows or record.rows
        return done.outputs

    def _samples_of(self, version: ServedVersion) -> RequestLogger | None:
        """Returns the log of samples, if this request is to be in it."""
        entry = self.manager.entries.get(version.model_name)
        if self._samples is None or entry is None or entry.logging is None:
            return None
        return self._samples if self._samples.wants(entry.name) else None

    def status(self, ref: ModelRef) -> list[ServedVersion]:
        """Lists the versions of a model, newest first; as upstream, not the label's.

        Raises:
            StatusError: NOT_FOUND.
        """
        if not ref.name:
            raise upstream_texts.missing_model_name()
        return self.manager.versions(ref.name, ref.version)


class RequestUnderWay:
    """The context of one request: counted and timed, and its end observed.

    On the way out the version is given back, the record learns what went wrong, and
    the observers hear of it.
    """

    __slots__ = ("_handler", "_started_s", "_version", "record")

    def __init__(self, handler: RequestHandler, record: RequestRecord) -> None:
        self.record = record
        self._handler = handler
        self._version: ServedVersion | None = None
        self._started_s = time.perf_counter()

    def __enter__(self) -> Self:
        self._handler.in_flight += 1
        return self

    def lease(self, ref: ModelRef) -> ServedVersion:
        """Returns the version that answers; it stays loaded until the request ends.

        Raises:
            StatusError: the reference names nothing that can answer.
        """
        self.record.model_name = ref.name
        if not ref.name:
            raise upstream_texts.missing_model_name()
        version = self._handler.manager.lease(ref.name, ref.version, ref.label)
        self._version, self.record.version = version, version.number
        return version

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        handler, record = self._handler, self.record
        handler.in_flight -= 1
        if self._version is not None:
            self._version.release()
        if isinstance(error, asyncio.CancelledError):
            record.code = Code.CANCELLED
        elif isinstance(error, Exception):
            status = from_exception(error)
            record.code, record.error = status.code, status.message
            if status.code is Code.INTERNAL:
                log.error("A request failed: %s", status.message)
        record.total_s = time.perf_counter() - self._started_s
        for observe in handler.observers:
            observe(record)


class CombinedServable(Servable):
    """Several calls of one servable as one run, which is not batched with others."""

    def __init__(self, servable: Servable, calls: Sequence[Call]) -> None:
        self.signatures = servable.signatures
        self.found: list[dict[str, np.ndarray]] = []
        self._servable = servable
        self._calls = calls

    def run(
        self,
        signature_name: str,
        inputs: Mapping[str, np.ndarray],
        outputs: Sequence[str],
        timeout_s: float | None,
    ) -> dict[str, np.ndarray]:
        self.found = self._servable.run_many(self._calls, timeout_s)
        return {}

    def close(self) -> None:
        """Nothing: the servable is not ours."""
