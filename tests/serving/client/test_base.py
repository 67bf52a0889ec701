"""Questions through all clients: long lists in parts, chosen outputs, tf.Examples."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.client import Client, errors
from serving.client.wire.tf_examples import serialize
from serving.server.status import Code
from tests.support.serving.clients import CLIENTS, asking, connected, like
from tests.support.serving.fakes import FakeServer
from tests.support.serving.stub_servers import UNAVAILABLE, Reply, always


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, fake_server: FakeServer) -> Iterator[Any]:
    with connected(request.param, fake_server) as one:
        yield one


def test_predictions_say_which_version_answered(client: Client) -> None:
    assert client.classify(["a"])[0].model_version == 1
    assert client.predict({"x": np.float32([1])}, "half").model_version == 1


def test_a_long_list_goes_in_parts_and_keeps_its_order(client: Client) -> None:
    texts = ["a" * (length % 100) for length in range(300)]
    with like(client, max_rows_per_request=7, max_parallel_requests=3) as other:
        for found in (other.classify(texts), list(other.classify_iter(texts))):
            lengths = [round(one.scores[1] * 100) for one in found]
            assert lengths == [len(text) for text in texts]


def test_rows_of_any_signature_are_split_when_they_are_independent(
    client: Client,
) -> None:
    x = np.arange(10, dtype=np.float32)
    with like(client, max_rows_per_request=3) as other:
        outputs = other.predict({"x": x}, "half", rows_are_independent=True)
        np.testing.assert_array_equal(outputs["y"], x / 2)
        assert outputs.model_version == 1
        with pytest.raises(ValueError, match="cannot be split"):
            other.predict({"x": x, "z": x[1:]}, "half", rows_are_independent=True)


def test_a_part_that_fails_names_its_rows(client: Client) -> None:
    codes = np.array([Code.ABORTED] * 5, np.int32)
    with (
        like(client, max_rows_per_request=2, max_parallel_requests=1) as other,
        pytest.raises(errors.ServingError, match="rows 0 to 1: ") as caught,
    ):
        other.predict({"code": codes}, "fail", rows_are_independent=True)
    assert caught.value.rows == range(0, 2)


def test_an_endless_source_is_read_only_as_predictions_are_taken(
    fake_server: FakeServer,
) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "a" * (taken % 50)

    settings = {"max_rows_per_request": 10, "max_parallel_requests": 2}
    with Client(fake_server.grpc_endpoint, **settings) as client:
        predictions = client.classify_iter(endless())
        found = [next(predictions) for _ in range(25)]
        predictions.close()
    assert [round(one.scores[1] * 100) for one in found] == list(range(1, 26))
    assert taken <= 25 + 10 * 5


def test_only_wanted_outputs_come_back(client: Client) -> None:
    text = {"text": ["ab"]}
    assert set(client.predict(text, output_filter=["scores"])) == {"scores"}
    with pytest.raises(errors.InvalidArgumentError, match="output tensor alias not"):
        client.predict(text, output_filter=["nothing"])


EXAMPLES = [{"age": 3, "name": ["a", "ö"], "raw": b"\xff"}, {"height": 1.5}]


def test_tf_examples_are_classified_and_regressed(client: Client) -> None:
    sizes = [len(serialize(example)) / 100 for example in EXAMPLES]
    classified = client.classify_examples(EXAMPLES, "classify")
    assert [one.labels for one in classified] == [("billing", "returns")] * 2
    assert [one.scores[1] for one in classified] == pytest.approx(sizes)
    assert classified[0].best == "billing"
    regressed = client.regress([serialize(one) for one in EXAMPLES], "regress")
    assert regressed == pytest.approx(sizes)
    assert regressed.model_version == classified.model_version == 1


def test_many_examples_go_in_parts(client: Client) -> None:
    examples = [{"x": "a" * length} for length in range(20)]
    with like(client, max_rows_per_request=3) as other:
        found = other.regress(examples, "regress")
    assert found == pytest.approx([len(serialize(one)) / 100 for one in examples])


def test_a_context_is_part_of_every_example(client: Client) -> None:
    context = {"country": "de"}
    (alone,) = client.regress([{"x": 1}], "regress")
    (with_context,) = client.regress([{"x": 1}], "regress", context=context)
    assert with_context - alone == pytest.approx(len(serialize(context)) / 100)


def test_several_signatures_answer_in_one_request_over_grpc(client: Client) -> None:
    tasks = {"classify": "classify", "regress": "regress"}
    if client.config.transport == "rest":
        with pytest.raises(errors.UnimplementedError, match="use transport='grpc'"):
            client.multi_inference(tasks, EXAMPLES)
        return
    answers = client.multi_inference(tasks, EXAMPLES)
    assert [one.best for one in answers["classify"]] == ["billing"] * 2
    assert answers["regress"] == client.regress(EXAMPLES, "regress")


@pytest.mark.parametrize("over", CLIENTS)
def test_numbers_are_sent_as_they_are(over: str) -> None:
    kind = CLIENTS[over][1]
    with (
        asking(over, always(Reply(UNAVAILABLE[kind])), retries=0) as (stub, client),
        pytest.raises(errors.UnavailableError),
    ):
        client.predict({"x": np.float32([1.5])}, "s")
    wanted = {"grpc": np.float32(1.5).tobytes(), "rest": b'{"x": [1.5]}'}
    assert wanted[kind] in stub.asked[0].body
