"""The client against a real server with a fake model, over both transports."""

import asyncio
import concurrent.futures
import inspect
import pathlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from serving import errors
from serving.async_client import AsyncClient
from serving.client import Client
from serving.codec import CodecError
from serving.examples import serialize
from serving.server.status import HTTP_STATUSES, Code
from tests.serving.blocking_client import CLIENTS
from tests.serving.fakes import MODEL, FakeServer, free_port


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, fake_server: FakeServer) -> Iterator[Client]:
    """Connected to the fake server: both clients, over both transports."""
    client_class, transport = CLIENTS[request.param]
    is_rest = transport == "rest"
    endpoint = fake_server.rest_endpoint if is_rest else fake_server.grpc_endpoint
    with client_class(endpoint, transport=transport, retries=0, deadline_s=10) as one:
        yield one


def like(client: Any, **settings: Any) -> Any:
    """Another client of the same kind, for the same server."""
    transport = str(client.config.transport)
    return type(client)(client.config.endpoint, transport=transport, **settings)


def test_classify_gives_one_prediction_per_text_best_first(client: Client) -> None:
    first, second = client.classify(["ab", "äbcd"])
    assert first.label == "billing"
    assert first.scores == pytest.approx((0.98, 0.02))
    assert first.labels == ("billing", "returns")
    assert second.score == pytest.approx(0.95)


def test_classify_of_nothing_asks_nobody(client: Client) -> None:
    client.close()
    assert client.classify([]) == []


@pytest.mark.parametrize("texts", ["one string", [b"bytes"], ["a", None]])
def test_classify_wants_a_list_of_str(client: Client, texts: object) -> None:
    with pytest.raises(TypeError, match="texts must be a list of str"):
        client.classify(texts)  # type: ignore[arg-type]


def test_predict_gives_the_signature_s_types(client: Client) -> None:
    outputs = client.predict({"x": np.float32([1, 3])}, "half")
    np.testing.assert_array_equal(outputs["y"], np.float32([0.5, 1.5]))
    assert outputs["y"].dtype == np.float32


def test_bytes_that_are_no_text_come_back_as_they_went(client: Client) -> None:
    raw = np.array([b"\xff\x00", "é".encode(), b""], dtype=object)
    assert client.predict({"raw": raw}, "echo")["raw_bytes"].tolist() == raw.tolist()


def test_status_lists_versions(client: Client) -> None:
    (version,) = client.status()
    assert (version.version, version.state, version.error_code) == (
        1,
        "AVAILABLE",
        "OK",
    )


def test_metadata_describes_the_signatures(client: Client) -> None:
    metadata = client.metadata()
    assert (metadata.name, metadata.version) == (MODEL, 1)
    text = metadata.signatures["serving_default"].inputs["text"]
    assert (text.dtype, text.shape) == ("string", (None,))
    assert metadata.signatures["sleep"].inputs["seconds"].shape == ()


@pytest.mark.parametrize("code", [c for c in Code if c is not Code.OK])
def test_every_status_of_the_server_raises_its_error(
    client: Client, code: Code
) -> None:
    with pytest.raises(errors.ServingError) as caught:
        client.predict({"code": np.int32(code)}, "fail")
    assert f"told to fail with {code.name}" in str(caught.value)
    over_rest = errors.from_http_status(HTTP_STATUSES[code])
    is_rest = client.config.transport == "rest"
    expected = over_rest if is_rest else errors.from_grpc_code(code.name)
    assert type(caught.value) is expected


def test_the_deadline_is_kept(client: Client, fake_server: FakeServer) -> None:
    with like(client, deadline_s=0.2) as hasty:
        start = time.monotonic()
        with pytest.raises(errors.DeadlineExceededError, match="Raise deadline_s"):
            hasty.predict({"seconds": np.float32(1.0)}, "sleep")
    assert time.monotonic() - start < 0.9


def test_a_closed_client_says_so(client: Client) -> None:
    client.close()
    with pytest.raises(errors.CancelledError, match="closed"):
        client.classify(["a"])


def test_an_unknown_model_is_not_found(client: Client) -> None:
    with (
        like(client, model_name="m") as other,
        pytest.raises(errors.NotFoundError, match=r"request: Latest\(m\)"),
    ):
        other.classify(["a"])


def test_a_version_can_be_chosen(client: Client) -> None:
    with like(client, version=7) as other:
        with pytest.raises(errors.NotFoundError, match=r"Specific\(classifier, 7\)"):
            other.classify(["a"])
        with pytest.raises(errors.NotFoundError, match="Could not find version 7"):
            other.status()


def test_threads_share_a_client(client: Client) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        texts = ["a" * length for length in range(40)]
        found = list(pool.map(lambda text: client.classify([text])[0], texts))
    assert [round(one.scores[1] * 100) for one in found] == list(range(40))


def test_what_cannot_be_sent_is_refused_before_sending(client: Client) -> None:
    with pytest.raises(CodecError):
        client.predict({"x": np.array([object()])}, "half")


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_nobody_there_is_unavailable(transport: str) -> None:
    with (
        Client(f"localhost:{free_port()}", transport=transport, retries=0) as client,
        pytest.raises(errors.UnavailableError, match="Start one: ktp serve"),
    ):
        client.status()


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_server_that_starts_late_is_waited_for(
    transport: str, tmp_path: pathlib.Path
) -> None:
    server = FakeServer(tmp_path)
    is_rest = transport == "rest"
    endpoint = server.rest_endpoint if is_rest else server.grpc_endpoint
    with (
        Client(endpoint, transport=transport, retries=9, deadline_s=20) as client,
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        pending = pool.submit(client.classify, ["a"])
        time.sleep(0.3)
        with server:
            assert pending.result(timeout=20)[0].label == "billing"


def test_the_wrong_port_is_explained(fake_server: FakeServer) -> None:
    with (
        Client(fake_server.grpc_endpoint, transport="rest", retries=0) as client,
        pytest.raises(errors.ServingError, match=r"REST http://localhost:\d+/v1"),
    ):
        client.status()
    with (
        Client(fake_server.rest_endpoint, retries=0) as client,
        pytest.raises(errors.UnavailableError, match=r"its gRPC \(or REST\) port"),
    ):
        client.status()


def test_messages_beyond_four_mebibytes_pass(fake_server: FakeServer) -> None:
    with Client(fake_server.grpc_endpoint) as client:
        large = np.zeros(2_000_000, np.float32)
        assert client.predict({"x": large}, "half")["y"].shape == large.shape


def test_a_message_beyond_the_limit_names_the_setting(fake_server: FakeServer) -> None:
    with (
        Client(fake_server.grpc_endpoint, max_message_bytes=1000) as client,
        pytest.raises(errors.MessageTooLargeError, match="Raise max_message_bytes"),
    ):
        client.predict({"x": np.zeros(1000, np.float32)}, "half")


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


def test_rest_cannot_reload(client: Client) -> None:
    if client.config.transport == "rest":
        with pytest.raises(errors.UnimplementedError, match="use transport='grpc'"):
            client.reload_config("model_config_list {}")


def test_ready_is_who_answers(client: Client) -> None:
    assert client.is_ready()
    with like(client, model_name="nobody") as other:
        assert not other.is_ready()
    transport = str(client.config.transport)
    nowhere = type(client)(f"localhost:{free_port()}", transport=transport)
    with nowhere as other:
        assert not other.is_ready()


def test_a_server_can_be_given_other_models(tmp_path: pathlib.Path) -> None:
    (tmp_path / "new" / "3").mkdir(parents=True)
    with FakeServer(tmp_path / "m") as server, Client(server.grpc_endpoint) as client:
        client.reload_config(
            f'model_config_list {{ config {{ name: "{MODEL}" base_path: '
            f'"{tmp_path}/new" model_platform: "tensorflow" }} }}'
        )
        assert client.metadata().version == 3


def test_both_clients_have_the_same_methods() -> None:
    def shape(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(member).parameters)
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(Client) == shape(AsyncClient)


def test_async_texts_may_arrive_asynchronously(fake_server: FakeServer) -> None:
    async def texts() -> AsyncIterator[str]:
        for length in range(10):
            yield "a" * length

    async def lengths() -> list[int]:
        endpoint = fake_server.grpc_endpoint
        async with AsyncClient(endpoint, max_rows_per_request=3) as client:
            found = client.classify_iter(texts())
            return [round(one.scores[1] * 100) async for one in found]

    assert asyncio.run(lengths()) == list(range(10))


def test_cancelling_a_task_gives_the_request_up(fake_server: FakeServer) -> None:
    async def ask() -> float:
        async with AsyncClient(fake_server.grpc_endpoint) as client:
            sleep = client.predict({"seconds": np.float32(2)}, "sleep")
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await sleep
            return time.monotonic() - start

    assert asyncio.run(ask()) < 1
