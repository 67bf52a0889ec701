"""What gRPC sends and how its answers are read."""

from typing import Any

import numpy as np
import pytest

from serving.client import errors, protos
from serving.client.config import ClientConfig
from serving.client.over_grpc.dialect import GrpcDialect
from serving.client.wire import tensors
from tests.support.serving.steps import finish

CONFIG = ClientConfig()


def reply(typed_fields: bool = True, **outputs: Any) -> bytes:
    """A serialised PredictResponse."""
    response = protos.PredictResponse()
    response.model_spec.version.value = 7
    for name, value in outputs.items():
        tensor = response.outputs[name]
        tensors.encode_into(tensor, value, typed_fields=typed_fields)
    return response.SerializeToString()


@pytest.mark.parametrize("score_type", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("typed_fields", [True, False])
def test_scores_are_read_in_every_encoding(
    score_type: type, typed_fields: bool
) -> None:
    scores = np.array([[0.75, 0.25]], score_type)
    answer = reply(typed_fields, labels=[["a", "b"]], scores=scores)
    (prediction,) = finish(GrpcDialect(CONFIG).classify(["x"]), answer)
    assert prediction.labels == ("a", "b")
    assert prediction.scores == (0.75, 0.25)
    assert prediction.model_version == 7


MARKS = ("text_is_unknown", "is_rejected")


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("typed_fields", [True, False])
def test_unknown_and_rejected_texts_are_marked(typed_fields: bool, mark: str) -> None:
    answer = reply(
        typed_fields,
        labels=[["a"], ["a"], ["a"]],
        scores=np.float32([[1], [1], [1]]),
        **{name: np.array([False, name == mark, False]) for name in MARKS},
    )
    found = finish(GrpcDialect(CONFIG).classify(["x", "", "y"]), answer)
    assert [getattr(one, mark) for one in found] == [False, True, False]
    assert [{*MARKS} & {*one.to_dict()} for one in found] == [set(), {mark}, set()]


def test_a_model_that_does_not_say_marks_nothing() -> None:
    answer = reply(labels=[["a"]], scores=np.float32([[1]]))
    (found,) = finish(GrpcDialect(CONFIG).classify(["x"]), answer)
    assert found.text_is_unknown is found.is_rejected is False


def test_a_short_field_repeats_its_last_value() -> None:
    response = protos.PredictResponse.FromString(
        reply(labels=[["a", "b"]], scores=np.float32([[0.5, 0.5]]))
    )
    del response.outputs["scores"].float_val[1:]
    steps = GrpcDialect(CONFIG).classify(["x"])
    assert finish(steps, response.SerializeToString())[0].scores == (0.5, 0.5)


@pytest.mark.parametrize(
    "outputs, message",
    [
        ({"y": np.zeros(1)}, r"outputs \['y'\], without \['labels', 'scores'\]"),
        ({"labels": [["a"]], "scores": np.float32([[1], [0]])}, "differ in shape"),
        ({"labels": [["a"]] * 2, "scores": np.float32([[1]] * 2)}, "for 1 texts"),
        ({"labels": [b"a"], "scores": np.float32([1])}, r"labels of shape \[1\]"),
        ({"labels": [[b"\xff"]], "scores": np.float32([[1]])}, "utf-8"),
        ({"labels": [["a"]], "scores": np.int32([[1]])}, "int32 where another type"),
        (
            {
                "labels": [["a"]],
                "scores": np.float32([[1]]),
                "text_is_unknown": np.array([True, True]),
            },
            "2 rows of text_is_unknown for 1 texts",
        ),
        (
            {
                "labels": [["a"]],
                "scores": np.float32([[1]]),
                "is_rejected": np.array([0.5]),
            },
            "float64 where another type",
        ),
    ],
)
def test_an_answer_that_classifies_nothing_is_named(
    outputs: dict[str, Any], message: str
) -> None:
    steps = GrpcDialect(CONFIG).classify(["x"])
    with pytest.raises(errors.InvalidResponseError, match=message):
        finish(steps, reply(**outputs))


def test_bytes_that_are_not_a_message_are_named() -> None:
    with pytest.raises(errors.InvalidResponseError, match="(?i)pars"):
        finish(GrpcDialect(CONFIG).classify(["x"]), b"\xff\xff")


def test_a_failed_reload_is_an_error_although_the_call_succeeded() -> None:
    response = protos.ReloadConfigResponse()
    response.status.error_code = 3
    response.status.error_message = "no such path"
    steps = GrpcDialect(CONFIG).reload_config("model_config_list {}")
    with pytest.raises(errors.InvalidArgumentError, match="no such path"):
        finish(steps, response.SerializeToString())


def test_a_reload_is_never_sent_twice() -> None:
    config = protos.ModelServerConfig()
    config.model_config_list.config.add(name="m", base_path="/models/m")
    call = next(GrpcDialect(CONFIG).reload_config(config))
    assert not call.may_repeat
    sent = protos.ReloadConfigRequest.FromString(call.request)
    assert sent.config.model_config_list.config[0].name == "m"


def test_the_version_label_is_asked_for() -> None:
    labelled = ClientConfig(version_label="best one", model_name="a/b")
    call = next(GrpcDialect(labelled).classify(["x"]))
    spec = protos.PredictRequest.FromString(call.request).model_spec
    assert (spec.name, spec.version_label) == ("a/b", "best one")
