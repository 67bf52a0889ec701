"""What REST sends and how its answers are read."""

import json

import numpy as np
import pytest

from serving.client import errors
from serving.client.calls import RestAnswer
from serving.client.config import ClientConfig
from serving.client.over_rest.dialect import RestDialect
from tests.support.serving.steps import finish

CONFIG = ClientConfig()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"{}",
        b"[]",
        b'{"outputs": 1}',
        b'{"outputs": {"labels": [["a"]], "scores": [[0.5, 0.5]]}}',
        b'{"outputs": {"labels": [], "scores": []}}',
        b'{"outputs": {"labels": [[]], "scores": [[]]}}',
        b'{"outputs": {"labels": [["a"]], "scores": [[1]], "text_is_unknown": []}}',
        b'{"outputs": {"labels": [["a"]], "scores": [[1]], "text_is_unknown": true}}',
        b'{"outputs": {"labels": [["a"]], "scores": [[1]], "is_rejected": null}}',
    ],
)
def test_a_rest_answer_that_makes_no_sense_is_quoted(body: bytes) -> None:
    steps = RestDialect(CONFIG).classify(["x"])
    with pytest.raises(errors.InvalidResponseError, match="received ") as caught:
        finish(steps, RestAnswer(body, None))
    assert body.decode() in str(caught.value)


@pytest.mark.parametrize("mark", ["text_is_unknown", "is_rejected"])
@pytest.mark.parametrize(
    ("column", "marks"),
    [("", [False, False]), (', "%s": [true, false]', [True, False])],
)
def test_unknown_and_rejected_texts_are_marked(
    column: str, marks: list[bool], mark: str
) -> None:
    column = column.replace("%s", mark)
    body = f'{{"outputs": {{"labels": [["a"], ["b"]], "scores": [[1], [1]]{column}}}}}'
    answer = RestAnswer(body.encode(), None)
    found = finish(RestDialect(CONFIG).classify(["", "x"]), answer)
    assert [getattr(one, mark) for one in found] == marks


@pytest.mark.parametrize("method", ["status", "metadata"])
def test_status_and_metadata_must_make_sense_too(method: str) -> None:
    with pytest.raises(errors.InvalidResponseError):
        finish(getattr(RestDialect(CONFIG), method)(), RestAnswer(b'{"a": 1}', None))


def metadata(version: int, dtype: str) -> RestAnswer:
    tensor = {"dtype": dtype, "tensor_shape": {"dim": [{"size": "-1"}]}, "name": "t"}
    signature = {"inputs": {"x": tensor}, "outputs": {"y": tensor}}
    content = {
        "model_spec": {"name": "m", "version": str(version)},
        "metadata": {"signature_def": {"signature_def": {"s": signature}}},
    }
    return RestAnswer(json.dumps(content).encode(), version)


def test_rest_asks_for_the_signatures_of_each_version_once() -> None:
    dialect = RestDialect(CONFIG)
    old, new = RestAnswer(b'{"outputs": [1]}', 1), RestAnswer(b'{"outputs": [1]}', 2)
    first = finish(dialect.predict({"x": [1]}, "s", ()), old, metadata(1, "DT_INT32"))
    second = finish(dialect.predict({"x": [1]}, "s", ()), new, metadata(2, "DT_FLOAT"))
    again = finish(dialect.predict({"x": [1]}, "s", ()), old)
    assert [one["y"].dtype for one in (first, second, again)] == [
        np.int32,
        np.float32,
        np.int32,
    ]
    assert (first.model_version, second.model_version) == (1, 2)


def test_the_version_or_its_label_is_asked_for() -> None:
    labelled = ClientConfig(version_label="best one", model_name="a/b")
    call = next(RestDialect(labelled).classify(["x"]))
    assert call.path == "/v1/models/a%2Fb/labels/best%20one:predict"
    numbered = next(RestDialect(ClientConfig(version=3)).status())
    assert numbered.path == "/v1/models/classifier/versions/3"


def test_a_body_names_signature_examples_and_context() -> None:
    steps = RestDialect(CONFIG).classify_examples([{"x": 1}], "s", {"y": 2})
    assert json.loads(next(steps).body) == {
        "signature_name": "s",
        "examples": [{"x": [1]}],
        "context": {"y": [2]},
    }
