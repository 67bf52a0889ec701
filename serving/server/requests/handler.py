"""What a request does, whichever transport brought it: tensors in, tensors out."""

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

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
from serving.server.status import Code

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class ModelRef:
    """Which model a request is for. Neither version nor label means the latest."""

    name: str
    version: int | None = None
    label: str = ""


class Core:
    """Answers requests with the models of a manager; lives on the event loop.

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
        self.in_flight = 0
        self.is_closing = False
        self.closed = asyncio.Event()
        self._scheduler = scheduler
        self._observers = list(observers)
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

    def begin(self) -> float:
        """Counts one more request under way; `end` takes what this returns."""
        self.in_flight += 1
        return time.perf_counter()

    def end(self, record: RequestRecord, started: float) -> None:
        """Tells every observer how the request went."""
        self.in_flight -= 1
        record.total_s = time.perf_counter() - started
        if record.code is Code.INTERNAL:
            log.error("A request failed: %s", record.error)
        for observe in self._observers:
            observe(record)

    @contextlib.contextmanager
    def use(self, ref: ModelRef, record: RequestRecord) -> Iterator[ServedVersion]:
        """The version that answers; it stays loaded within the block.

        Raises:
            StatusError: the reference names nothing that can answer.
        """
        record.model_name = ref.name
        if not ref.name:
            raise upstream_texts.missing_model_name()
        with self.manager.use(ref.name, ref.version, ref.label) as version:
            record.version = version.number
            yield version

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
        signature = find_signature(version.servable, signature_name)
        complete = check_inputs(signature, inputs)
        outputs = check_outputs(signature, output_filter)
        first = next(iter(complete.values()), None)
        record.rows = len(first) if first is not None and first.ndim else 1
        call = Call(signature_name, complete, outputs)
        (found,) = await self._run(version, [call], record, timeout_s)
        if self._samples is not None and self._samples.wants(version.model_name):
            log_predict(self._samples, version, call, found)
        return found

    async def infer(
        self,
        version: ServedVersion,
        signature_name: str,
        message: Any,
        record: RequestRecord,
        timeout_s: float | None = None,
    ) -> Classes | Values:
        """Classify or Regress, as the record's `api` says.

        Args:
            version: what answers.
            signature_name: empty means the default.
            message: an `Input`.
            record: of this request.
            timeout_s: how long it may take.

        Raises:
            StatusError: input, signature or outputs do not fit, or running failed.
        """
        is_classify = record.api.lower() == "classify"
        plan_of = plans.plan_classify if is_classify else plans.plan_regress
        plan = plan_of(
            version.servable.signatures,
            signature_name,
            message,
            check_method=self._check_method,
        )
        record.rows = plan.num_examples
        (found,) = await self._run(version, [plan.call], record, timeout_s)
        result = plan.result(found)
        if self._samples is not None and self._samples.wants(version.model_name):
            log_inference(self._samples, version, plan, message, result)
        return result

    async def multi_inference(
        self,
        version: ServedVersion,
        request: Any,
        record: RequestRecord,
        timeout_s: float | None = None,
    ) -> Any:
        """The MultiInferenceResponse: all tasks in one run.

        Raises:
            StatusError: a task does not fit the model, or running failed.
        """
        plan = plans.plan_multi_inference(
            version.servable.signatures, request, check_method=self._check_method
        )
        record.rows = plan.num_examples
        found = await self._run(version, plan.calls, record, timeout_s)
        response = plan.response(found, version.number)
        if self._samples is not None and self._samples.wants(version.model_name):
            self._samples.log_multi_inference(version, request, response)
        return response

    async def _run(
        self,
        version: ServedVersion,
        calls: Sequence[Call],
        record: RequestRecord,
        timeout_s: float | None,
    ) -> list[dict[str, np.ndarray]]:
        """The outputs of every call; several calls share their inputs and one run."""
        call, servable = calls[0], version.servable
        record.signature_name = call.signature_name
        if len(calls) > 1:
            servable = _Together(servable, calls)
        done = await self._scheduler.run(
            *(servable, call.signature_name, call.inputs, call.outputs),
            timeout_s=timeout_s,
            version=version,
        )
        record.queue_s, record.run_s = done.queue_s, done.run_s
        record.batch_rows = done.batch_rows or record.rows
        if isinstance(servable, _Together):
            return servable.found
        return [done.outputs]

    def status(self, ref: ModelRef) -> list[ServedVersion]:
        """All versions of a model, newest first; a label is ignored, as upstream does.

        Raises:
            StatusError: NOT_FOUND.
        """
        if not ref.name:
            raise upstream_texts.missing_model_name()
        return self.manager.versions(ref.name, ref.version)


class _Together(Servable):
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
