"""The client's settings."""

import math
from typing import Any

import pytest

from serving.client.config import ClientConfig, TlsConfig


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"endpoint": "localhost"}, "no port; give HOST:PORT"),
        ({"endpoint": "localhost:99999"}, "has port 99999; allowed are 1 to 65535"),
        ({"endpoint": "http://localhost:8501"}, "say transport='rest'"),
        ({"transport": "soap"}, "allowed are grpc, rest"),
        ({"deadline_s": 0}, "deadline_s is 0"),
        ({"retries": -1}, "retries is -1"),
        ({"retries": 1.5}, "retries is 1.5; allowed: a whole number, 0 to"),
        ({"retries": True}, "retries is True"),
        ({"deadline_s": math.nan}, "deadline_s is nan"),
        ({"deadline_s": math.inf}, "deadline_s is inf"),
        ({"deadline_s": None}, "deadline_s is None"),
        ({"deadline_s": "5"}, "deadline_s is 5; allowed: a number"),
        ({"keepalive_s": math.inf}, "keepalive_s is inf"),
        ({"backoff_s": -1}, "backoff_s is -1"),
        ({"retry_budget": math.nan}, "retry_budget is nan; .*0 means never"),
        ({"max_message_bytes": 2**31}, "max_message_bytes is 2147483648"),
        ({"max_rows_per_request": 2.5}, "max_rows_per_request is 2.5"),
        ({"max_parallel_requests": 0}, "max_parallel_requests is 0"),
        ({"model_name": ""}, "model_name is empty"),
        ({"max_message_bytes": 0}, "max_message_bytes is 0"),
        ({"tls": TlsConfig(insecure_skip_verify=True)}, "transport='rest' only"),
        ({"compression": "zip"}, "allowed are none, gzip"),
        ({"hedge_after_s": 0}, "hedge_after_s is 0"),
        ({"retry_budget": -1}, "retry_budget is -1"),
        ({"max_rows_per_request": 0}, "max_rows_per_request is 0"),
        ({"version": 1, "version_label": "a"}, "both choose a version"),
        ({"token": "a", "token_path": "b"}, "token and token_path are both given"),
        (
            {"endpoint": "http://a:1", "transport": "rest", "tls": TlsConfig()},
            "is plaintext and tls is given",
        ),
    ],
)
def test_a_wrong_setting_says_what_is_allowed(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClientConfig(**settings)


def test_a_client_certificate_needs_its_key() -> None:
    with pytest.raises(ValueError, match="both certificate_path and key_path"):
        TlsConfig(certificate_path="cert.pem")


def test_the_environment_gives_what_the_caller_does_not() -> None:
    environ = {"KTP_ENDPOINT": "far:1", "KTP_DEADLINE_S": "2.5"}
    config = ClientConfig.from_env(environ, retries=1)
    assert (config.endpoint, config.deadline_s, config.retries) == ("far:1", 2.5, 1)
    assert ClientConfig.from_env(environ, endpoint="near:2").endpoint == "near:2"


def test_a_deadline_that_is_not_a_number_is_named() -> None:
    with pytest.raises(ValueError, match="KTP_DEADLINE_S is 'soon'"):
        ClientConfig.from_env({"KTP_DEADLINE_S": "soon"})


def test_a_token_comes_from_the_environment_unless_the_caller_gives_one() -> None:
    text = ClientConfig.from_env({"KTP_TOKEN": "t"})
    path = ClientConfig.from_env({"KTP_TOKEN_FILE": "/t", "KTP_TOKEN": ""})
    assert (text.token, path.token_path) == ("t", "/t")
    given = ClientConfig.from_env({"KTP_TOKEN": "t"}, token_path="/mine")
    assert (given.token, given.token_path) == (None, "/mine")


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(ClientConfig(token="s3cret"))


@pytest.mark.parametrize("token", [{"token": "t"}, {"token_path": "/t"}])
def test_a_token_leaves_this_machine_encrypted_or_not_at_all(
    token: dict[str, str],
) -> None:
    far = {"endpoint": "far:1", **token}
    with pytest.raises(ValueError, match="would travel unencrypted to far:1"):
        ClientConfig(**far)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="would travel unencrypted"):
        ClientConfig(**{**far, "endpoint": "http://far:1"}, transport="rest")  # type: ignore[arg-type]
    for allowed in (
        {"tls": TlsConfig()},
        {"endpoint": "https://far:1", "transport": "rest"},
        {"endpoint": "localhost:1"},
        {"endpoint": "unix:/socket"},
        {"allow_plaintext_token": True},
    ):
        ClientConfig(**{**far, **allowed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "endpoint, is_local",
    [
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("http://localhost:1/path", True),
        ("http://127.0.0.1", True),
        ("dns:///localhost:1", True),
        ("unix:/run/a:b", True),
        ("unix:///run/a", True),
        ("example.com:1", False),
        ("127.0.0.1.example.com:1", False),
        ("localhost.example.com:1", False),
        ("10.0.0.1:1", False),
        ("[::ffff:10.0.0.1]:1", False),
        ("0.0.0.0:1", True),
    ],
)
def test_only_this_machine_is_local(endpoint: str, is_local: bool) -> None:
    transport = "rest" if endpoint.startswith("http") else "grpc"
    config = ClientConfig(endpoint=endpoint, transport=transport)  # type: ignore[arg-type]
    assert config.is_local == is_local


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize(
    "settings, message",
    [
        ({"model_name": "a\udce9"}, r"model_name is 'a\\udce9'; give text"),
        ({"version_label": "\ud800"}, r"version_label is '\\ud800'; give text"),
        ({"model_name": b"a"}, "model_name is b'a'; give text"),
        ({"version": "1"}, "version is '1'; give a whole number"),
        ({"version": -1}, "version is -1; give a whole number"),
    ],
)
def test_a_name_that_no_request_can_carry_is_refused(
    transport: str, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ClientConfig(endpoint="a:1", transport=transport, **settings)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize(
    "endpoint",
    [
        "https://me:s3cret@localhost:8501",
        "http://s3cret@localhost:8501",
        "http://localhost:s3cret@example.com:1",
        "http://localhost@s3cret.com:1",
        "me:s3cret@localhost:8500",
        "http://localhost:8501/?token=s3cret",
        "http://localhost:8501/#s3cret",
    ],
)
def test_a_secret_in_the_endpoint_is_refused_and_not_repeated(
    endpoint: str, transport: str
) -> None:
    with pytest.raises(ValueError, match="endpoint has a user or password") as caught:
        ClientConfig(endpoint=endpoint, transport=transport)  # type: ignore[arg-type]
    assert "s3cret" not in str(caught.value)


def test_a_socket_s_path_may_hold_any_character() -> None:
    assert ClientConfig(endpoint="unix:/run/a@b?#.sock").unix_path == "/run/a@b?#.sock"


@pytest.mark.parametrize("token", [b"s3cret", 4711, ["s3cret"]])
def test_a_token_that_is_no_str_is_refused_and_not_repeated(token: Any) -> None:
    with pytest.raises(ValueError, match=r"token is of type \w+; give a str") as caught:
        ClientConfig(token=token)
    assert "s3cret" not in str(caught.value)
    assert "4711" not in str(caught.value)
