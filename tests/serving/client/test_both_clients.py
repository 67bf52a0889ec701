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

from serving.client import AsyncClient, Client, CodecError, errors
from serving.server.status import Code
from tests.support.patience import LONG_S
from tests.support.serving.clients import CLIENTS, connected, like
from tests.support.serving.fakes import MODEL, FakeServer, free_port


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest, fake_server: FakeServer) -> Iterator[Any]:
    with connected(request.param, fake_server) as one:
        yield one


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


def test_bytes_that_are_not_text_come_back_as_they_went(client: Client) -> None:
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
    over_rest = errors.from_http_status(code.http_status)
    is_rest = client.config.transport == "rest"
    expected = over_rest if is_rest else errors.from_grpc_code(code.name)
    assert type(caught.value) is expected


def test_the_deadline_is_kept(client: Client, fake_server: FakeServer) -> None:
    with like(client, deadline_s=0.2) as hasty:
        start = time.monotonic()
        with pytest.raises(errors.DeadlineExceededError, match="Raise deadline_s"):
            hasty.predict({"seconds": np.float32(LONG_S)}, "sleep")
    assert time.monotonic() - start < LONG_S / 2
    fake_server.naps.wake()


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
            sleep = client.predict({"seconds": np.float32(LONG_S)}, "sleep")
            start = time.monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await sleep
            return time.monotonic() - start

    assert asyncio.run(ask()) < LONG_S / 2
    fake_server.naps.wake()
