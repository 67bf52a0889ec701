"""Which endpoints are this machine, in every spelling, so that no proxy is asked."""

import pytest

from serving.client import ClientConfig
from serving.client.wire.addresses import is_this_machine, wrong_port
from tests.support.serving.clients import CLIENTS
from tests.support.serving.stub_servers import STUBS

HERE = """
localhost:1 LOCALHOST:1 localhost.:1 my.localhost:1 localhost
127.0.0.1:1 127.9.9.9:1 127.1:1 0x7f000001:1 2130706433:1
[::1]:1 [::ffff:127.0.0.1]:1 [0:0:0:0:0:0:0:1]:1
0.0.0.0:1 0:1 [::]:1
http://localhost:1/path http://127.0.0.1 HTTP://LOCALHOST:1 https://[::1]:1/ http://0.0.0.0
http://user:word@localhost:1
dns:localhost:1 dns:///localhost:1 dns:///127.0.0.1:1 dns:///localhost.:1
dns://8.8.8.8/127.0.0.1:1
ipv4:127.0.0.1:1 ipv4:127.0.0.1:1,127.0.0.2:2 ipv4:0.0.0.0:1 ipv4:///127.0.0.1:1
ipv6:[::1]:1 ipv6:%5B::1%5D:1 ipv6:[::1]:1,[::]:2
unix:/run/a:b unix:///run/a unix:relative unix-abstract:name
""".split()
ELSEWHERE = """
example.com:1 127.0.0.1.example.com:1 localhost.example.com:1 notlocalhost:1
http://localhost:1@example.com:1 http://localhost@example.com:1
10.0.0.1:1 [::ffff:10.0.0.1]:1 [fe80::1]:1 192.168.0.1:1 1:1 beef:1
dns:///example.com:1 dns://127.0.0.1/example.com:1 dns://8.8.8.8/localhost:1
ipv4:10.0.0.1:1 ipv4:127.0.0.1:1,10.0.0.1:1 ipv6:[2001:db8::1]:1
xn--localhost:1 localhost,example.com:1
""".split()


@pytest.mark.parametrize("endpoint", HERE)
def test_this_machine_is_recognised_in_every_spelling(endpoint: str) -> None:
    assert is_this_machine(endpoint)


@pytest.mark.parametrize("endpoint", ELSEWHERE)
def test_what_only_looks_like_this_machine_is_not(endpoint: str) -> None:
    assert not is_this_machine(endpoint)


@pytest.mark.parametrize("host", ["0.0.0.0", "localhost.", "127.0.0.1", "LocalHost"])
@pytest.mark.parametrize("over", list(CLIENTS))
def test_no_proxy_stands_before_this_machine(
    monkeypatch: pytest.MonkeyPatch, over: str, host: str
) -> None:
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy"):
        # A port on which nobody listens.
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.upper(), "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with STUBS[over.removeprefix("async-")]() as stub:
        endpoint = f"{host}:{stub.endpoint.rpartition(':')[2]}"
        open_client, transport = CLIENTS[over]
        with open_client(endpoint, transport=transport, retries=0) as client:
            assert client.classify(["x"])[0].label == "a"


@pytest.mark.parametrize(
    "endpoint", ["dns:///localhost:1", "ipv4:127.0.0.1:1", "unix-abstract:name"]
)
def test_a_name_that_only_grpc_knows_is_refused_over_rest(endpoint: str) -> None:
    ClientConfig(endpoint=endpoint)
    with pytest.raises(ValueError, match="only gRPC knows; REST takes HOST:PORT"):
        ClientConfig(endpoint=endpoint, transport="rest")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "endpoint, port",
    [
        ("localhost:99999", "99999"),
        ("localhost:65536", "65536"),
        ("localhost:0", "0"),
        ("localhost:-1", "-1"),
        ("[::1]:70000", "70000"),
        ("dns:///a:1", None),
        ("dns:///a:70000", "70000"),
        ("ipv4:127.0.0.1:1,127.0.0.1:70000", "70000"),
        ("http://a:70000/v1/models", "70000"),
        ("http://a/v1:70000", None),
        ("http://user:0@a:80", None),
        ("localhost:65535", None),
        ("localhost:" + "9" * 5000, "9" * 5000),
        ("::1", None),
        ("fe80::0", None),
        ("unix:/tmp/a:99999", None),
        ("example.com:http", None),
    ],
)
def test_a_port_that_nobody_can_have_is_found(endpoint: str, port: str | None) -> None:
    assert wrong_port(endpoint) == port
