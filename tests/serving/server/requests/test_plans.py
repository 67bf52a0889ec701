"""Classify and Regress: which tensors, which answer, which words."""

from typing import Any

import numpy as np
import pytest

from serving.client import protos
from serving.server.requests import plans
from serving.server.status import Code, StatusError
from tests.support.serving.server.inference_cases import (
    BOTH,
    CLASSIFY,
    FLOAT,
    REGRESS,
    VALUE,
    input_of,
    labelled,
    signatures,
)


def _message(call: Any) -> str:
    with pytest.raises(StatusError) as caught:
        call()
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


def test_examples_feed_inputs_and_fetch_classes_and_scores() -> None:
    plan = plans.plan_classify(signatures(c=BOTH), "c", input_of(3))
    assert plan.call.signature_name == "c"
    assert plan.call.outputs == ["classes", "scores"]
    assert list(plan.call.inputs) == ["inputs"]
    assert len(plan.call.inputs["inputs"]) == plan.num_examples == 3


def test_an_empty_signature_name_means_serving_default() -> None:
    plan = plans.plan_regress(signatures(serving_default=VALUE), "", input_of(1))
    assert plan.call.signature_name == "serving_default"
    assert plan.call.outputs == ["outputs"]


def test_classes_and_scores_make_a_classification_result() -> None:
    plan = plans.plan_classify(signatures(c=BOTH), "c", input_of(2))
    message = plan.result(
        {
            "classes": labelled([["a", "b"], ["c", "d"]]),
            "scores": np.float32([[0.25, 0.75], [1, 0]]),
        }
    ).message()
    rows = [
        [(c.label, c.score) for c in row.classes] for row in message.classifications
    ]
    assert rows == [[("a", 0.25), ("b", 0.75)], [("c", 1), ("d", 0)]]


def test_without_classes_labels_stay_empty_and_without_scores_zero() -> None:
    plan = plans.plan_classify(signatures(c=BOTH), "c", input_of(1))
    (row,) = plan.result({"scores": np.float32([[0.5]])}).message().classifications
    assert (row.classes[0].label, row.classes[0].score) == ("", 0.5)
    (row,) = plan.result({"classes": labelled([["é"]])}).message().classifications
    assert (row.classes[0].label, row.classes[0].score) == ("é", 0)


@pytest.mark.parametrize("shape", [(2,), (2, 1)])
def test_outputs_of_either_shape_make_a_regression_result(
    shape: tuple[int, ...],
) -> None:
    plan = plans.plan_regress(signatures(r=VALUE), "r", input_of(2))
    message = plan.result({"outputs": np.float32([0.5, 2]).reshape(shape)}).message()
    assert [item.value for item in message.regressions] == [0.5, 2]


TWO_INPUTS = ({"inputs": FLOAT, "more": FLOAT}, {"scores": FLOAT, "outputs": FLOAT})
OTHER_INPUT = ({"x": FLOAT}, {"scores": FLOAT})


@pytest.mark.parametrize(
    "case, message",
    [
        (TWO_INPUTS, "Expected one input Tensor."),
        (({"inputs": FLOAT}, {}), "Expected one or two output Tensors, found 0"),
        (
            ({"inputs": FLOAT}, {"classes": FLOAT, "scores": FLOAT, "x": FLOAT}),
            "Expected one or two output Tensors, found 3",
        ),
        (OTHER_INPUT, "No classification inputs found in SignatureDef: inputs {"),
        (
            ({"inputs": FLOAT}, {"y": FLOAT}),
            "Expected classification signature outputs to contain at least one of "
            '"classes" or "scores". Signature was: inputs {',
        ),
    ],
)
def test_a_signature_that_cannot_classify_is_refused(case: Any, message: str) -> None:
    def plan() -> Any:
        return plans.plan_classify(signatures(c=case), "c", input_of(1))

    assert _message(plan).startswith(message)


@pytest.mark.parametrize(
    "case, message",
    [
        (TWO_INPUTS, "Expected one input Tensor."),
        (
            ({"inputs": FLOAT}, {"outputs": FLOAT, "x": FLOAT}),
            "Expected one output Tensor.",
        ),
        (OTHER_INPUT, "No regression inputs found in SignatureDef: inputs {"),
        (
            ({"inputs": FLOAT}, {"y": FLOAT}),
            "No regression outputs found in SignatureDef: inputs {",
        ),
    ],
)
def test_a_signature_that_cannot_regress_is_refused(case: Any, message: str) -> None:
    def plan() -> Any:
        return plans.plan_regress(signatures(r=case), "r", input_of(1))

    assert _message(plan).startswith(message)


@pytest.mark.parametrize("plan", [plans.plan_classify, plans.plan_regress])
def test_an_unknown_signature_is_an_invalid_argument(plan: Any) -> None:
    text = "No signature was found with the name: "
    assert _message(lambda: plan({}, "s", input_of(1))) == f"{text}s"
    assert _message(lambda: plan({}, "", input_of(1))) == f"{text}serving_default"


def test_the_signature_is_checked_before_the_input() -> None:
    empty = protos.Input()
    found = signatures(c=BOTH)
    assert "No signature" in _message(lambda: plans.plan_classify({}, "c", empty))
    plan = plans.plan_classify
    assert _message(lambda: plan(found, "c", empty)) == "Input is empty."


def test_method_names_are_checked_only_when_asked() -> None:
    found = signatures(c=BOTH, r=VALUE)
    plans.plan_classify(found, "c", input_of(1))
    message = _message(
        lambda: plans.plan_classify(found, "c", input_of(1), check_method=True)
    )
    assert message == (
        "Expected classification signature method_name to be "
        "tensorflow/serving/classify. Was: "
    )
    message = _message(
        lambda: plans.plan_regress(found, "r", input_of(1), check_method=True)
    )
    assert message == (
        "Expected regression signature method_name to be "
        "tensorflow/serving/regress. Was: "
    )
    found["c"].method_name, found["r"].method_name = CLASSIFY, REGRESS
    plans.plan_classify(found, "c", input_of(1), check_method=True)
    plans.plan_regress(found, "r", input_of(1), check_method=True)


@pytest.mark.parametrize(
    "arrays, message",
    [
        (
            {"classes": labelled(["a", "b"])},
            "Expected Tensor shape: [batch_size num_classes] but got [2]",
        ),
        (
            {"scores": np.zeros((2, 1, 3), np.float32)},
            "Expected Tensor shape: [batch_size num_classes] but got [2,1,3]",
        ),
        (
            {"classes": np.int64([[0], [1]])},
            "Expected classes Tensor of DT_STRING. Got: DT_INT64",
        ),
        (
            {"scores": np.zeros((2, 1))},
            "Expected scores Tensor of DT_FLOAT. Got: DT_DOUBLE",
        ),
        (
            {"classes": labelled([["a"]])},
            "Expected classes output batch size of 2. Got: 1",
        ),
        (
            {"scores": np.zeros((3, 1), np.float32)},
            "Expected scores output batch size of 2. Got: 3",
        ),
        (
            {
                "classes": labelled([["a"], ["b"]]),
                "scores": np.zeros((2, 2), np.float32),
            },
            "Tensors class and score should match in dim_size(1). Got 1 vs. 2",
        ),
    ],
)
def test_tensors_that_are_no_classes_have_upstream_s_words(
    arrays: dict[str, np.ndarray], message: str
) -> None:
    plan = plans.plan_classify(signatures(c=BOTH), "c", input_of(2))
    assert _message(lambda: plan.result(arrays)) == message


@pytest.mark.parametrize(
    "array, message",
    [
        (
            np.zeros((2, 2), np.float32),
            "Expected output Tensor shape to be either [batch_size] or "
            "[batch_size, 1] but got [2,2]",
        ),
        (
            np.zeros((), np.float32),
            "Expected output Tensor shape to be either [batch_size] or "
            "[batch_size, 1] but got []",
        ),
        (
            np.zeros(3, np.float32),
            "Input batch size did not match output batch size: 2 vs. 3",
        ),
        (np.zeros(2), "Expected output Tensor of DT_FLOAT.  Got: DT_DOUBLE"),
    ],
)
def test_tensors_that_are_no_values_have_upstream_s_words(
    array: np.ndarray, message: str
) -> None:
    plan = plans.plan_regress(signatures(r=VALUE), "r", input_of(2))
    assert _message(lambda: plan.result({"outputs": array})) == message
