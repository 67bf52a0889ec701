"""MultiInference: all tasks are checked, one run answers them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.server.requests import handler, plans
from serving.server.servable import Servable
from serving.server.status import Code, StatusError
from tests.support.serving.server.inference_cases import (
    BOTH,
    CLASSIFY,
    REGRESS,
    VALUE,
    input_of,
    labelled,
    signatures,
)

FOUND = signatures(c=BOTH, r=VALUE, serving_default=VALUE)
CLASSES = {"classes": labelled([["a"]]), "scores": np.float32([[0.5]])}
VALUES = {"outputs": np.float32([2])}


def _request(*tasks: tuple[str, str, str]) -> Any:
    """Tasks as (model, signature, method)."""
    request = protos.MultiInferenceRequest(input=input_of(1))
    for model, signature_name, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name, task.model_spec.signature_name = model, signature_name
    return request


def test_every_task_has_its_result_in_the_order_of_the_request() -> None:
    request = _request(("m", "", REGRESS), ("m", "c", CLASSIFY))
    plan = plans.plan_multi_inference(FOUND, request)
    response = plan.response([VALUES, CLASSES], version=3)
    first, second = response.results
    assert first.regression_result.regressions[0].value == 2
    (row,) = second.classification_result.classifications
    assert (row.classes[0].label, row.classes[0].score) == ("a", 0.5)
    specs = [
        (r.model_spec.name, r.model_spec.signature_name, r.model_spec.version.value)
        for r in response.results
    ]
    assert specs == [("m", "serving_default", 3), ("m", "c", 3)]


def test_all_tasks_read_the_same_examples() -> None:
    request = _request(("m", "c", CLASSIFY), ("m", "r", REGRESS))
    first, second = plans.plan_multi_inference(FOUND, request).calls
    assert first.inputs["inputs"] is second.inputs["inputs"]
    assert (first.outputs, second.outputs) == (["classes", "scores"], ["outputs"])


@pytest.mark.parametrize(
    "tasks, code, message",
    [
        (
            [("m", "c", CLASSIFY), ("n", "r", REGRESS)],
            Code.INVALID_ARGUMENT,
            "All ModelSpecs in a MultiInferenceRequest must access the same "
            "model name.",
        ),
        (
            [("", "c", CLASSIFY)],
            Code.INVALID_ARGUMENT,
            "Found ModelSpec with an empty model name.",
        ),
        (
            [("m", "c", CLASSIFY), ("m", "c", CLASSIFY)],
            Code.INVALID_ARGUMENT,
            "Duplicate evaluation of signature: c",
        ),
        (
            [("m", "", REGRESS), ("m", "serving_default", REGRESS)],
            Code.INVALID_ARGUMENT,
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            [("m", "s", CLASSIFY)],
            Code.INVALID_ARGUMENT,
            "Requested signature not found in model graph: s",
        ),
        (
            [("m", "c", "tensorflow/serving/predict")],
            Code.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        ([("m", "c", REGRESS)], Code.INVALID_ARGUMENT, "Expected one output Tensor."),
    ],
)
def test_a_task_that_cannot_run_has_upstream_s_words(
    tasks: list[tuple[str, str, str]], code: Code, message: str
) -> None:
    with pytest.raises(StatusError) as caught:
        plans.plan_multi_inference(FOUND, _request(*tasks))
    assert (caught.value.code, caught.value.message) == (code, message)


def test_tasks_are_checked_before_the_input() -> None:
    request = _request(("m", "s", CLASSIFY))
    request.ClearField("input")
    with pytest.raises(StatusError, match="Requested signature not found"):
        plans.plan_multi_inference(FOUND, request)
    request.tasks[0].model_spec.signature_name = "c"
    with pytest.raises(StatusError, match="Input is empty"):
        plans.plan_multi_inference(FOUND, request)


def test_the_first_task_chooses_model_and_version() -> None:
    request = _request(("m", "c", CLASSIFY), ("m", "r", REGRESS))
    request.tasks[0].model_spec.version.value = 4
    request.tasks[1].model_spec.version.value = 9
    assert plans.first_model_spec(request).version.value == 4
    assert plans.first_model_spec(_request()).name == ""


class _Separate(Servable):
    """Runs one signature at a time."""

    def run(
        self, name: str, inputs: Any, outputs: Sequence[str], timeout_s: float | None
    ) -> dict[str, Any]:
        return {"name": name, "outputs": list(outputs)}

    def close(self) -> None:
        """Nothing to give back."""


class _Shared(_Separate):
    signatures = FOUND
    runs = 0

    def run_many(self, calls: Sequence[Any], timeout_s: float | None) -> list[Any]:
        self.runs += 1
        return [self.run(call.signature_name, {}, call.outputs, None) for call in calls]


def test_one_run_answers_all_tasks_where_the_servable_can() -> None:
    request = _request(("m", "c", CLASSIFY), ("m", "r", REGRESS))
    calls = plans.plan_multi_inference(FOUND, request).calls
    shared = _Shared()
    together = handler.CombinedServable(shared, calls)
    together.run("c", {}, [], None)
    assert shared.runs == 1
    assert together.found == _Separate().run_many(calls, None)
    assert [answer["name"] for answer in together.found] == ["c", "r"]
