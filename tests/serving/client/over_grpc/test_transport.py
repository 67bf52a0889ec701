"""gRPC on the wire: closing, compression, socket files."""

import concurrent.futures
import pathlib

import pytest

from serving.client import errors
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.clients import CLIENTS, asking
from tests.support.serving.stub_servers import STUBS, CountingProxy, Reply, always

over_grpc = pytest.mark.parametrize("over", ["grpc", "async-grpc"])


@over_grpc
def test_closing_the_client_ends_waiting_calls_with_an_error_of_ours(over: str) -> None:
    with (
        asking(over, always(Reply(wait_s=LONG_S))) as (stub, client),
        concurrent.futures.ThreadPoolExecutor(1) as pool,
    ):
        pending = pool.submit(client.classify, ["x"])
        wait_until(lambda: stub.asked, "a request")
        client.close()
        with pytest.raises(errors.CancelledError, match="(?i)clos"):
            pending.result(timeout=LONG_S / 2)


@over_grpc
def test_grpc_messages_are_compressed_when_asked(over: str) -> None:
    sizes = {}
    for compression in ("none", "gzip"):
        with (
            STUBS["grpc"]() as stub,
            CountingProxy(stub.endpoint) as proxy,
            CLIENTS[over][0](proxy.endpoint, compression=compression) as client,
        ):
            client.classify(["x" * 50_000])
            sizes[compression] = proxy.sent_bytes
    assert sizes["gzip"] < 5000
    assert sizes["none"] > 50_000


@over_grpc
def test_a_socket_file_is_an_endpoint(over: str, tmp_path: pathlib.Path) -> None:
    with (
        STUBS["grpc"](address=f"unix:{tmp_path}/socket") as stub,
        CLIENTS[over][0](stub.endpoint) as client,
    ):
        assert client.classify(["x"])[0].scores == pytest.approx((0.75, 0.25))
