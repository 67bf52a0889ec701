"""Requests made of calls; answers and errors read from responses."""

import datetime
import email.utils
import ssl

import httpx
import pytest

from serving.client import errors
from serving.client.config import ClientConfig, TlsConfig
from serving.client.over_rest.exchange import (
    RestExchange,
    base_url,
    connection_settings,
    ssl_context,
)

CONFIG = ClientConfig(endpoint="host:8501", transport="rest")
EXCHANGE = RestExchange(CONFIG, httpx.HTTPTransport)
REQUEST = httpx.Request("POST", "http://host:8501/v1/models/m:predict")


def retry_after_s(value: str | None) -> float | None:
    """What the client makes of the header of a busy server."""
    headers = {} if value is None else {"retry-after": value}
    response = httpx.Response(503, headers=headers)
    with pytest.raises(errors.UnavailableError) as caught:
        EXCHANGE.answer(REQUEST, response, b'{"error": "busy"}')
    return caught.value.retry_after_s


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 3.0), (" 120 ", 120.0), (None, None), ("soon", None), ("-1", None)],
)
def test_the_time_to_come_back_may_be_seconds(
    value: str | None, expected: float | None
) -> None:
    assert retry_after_s(value) == expected


def test_the_time_to_come_back_may_be_a_date() -> None:
    now = datetime.datetime.now(datetime.UTC)
    in_an_hour = email.utils.format_datetime(now + datetime.timedelta(hours=1), True)
    assert retry_after_s(in_an_hour) == pytest.approx(3600, abs=60)
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0


@pytest.mark.parametrize("content", [b"<html>gateway</html>", b"[]", b'{"no": 1}'])
def test_an_error_that_is_not_ours_is_quoted(content: bytes) -> None:
    with pytest.raises(errors.UnavailableError, match="HTTP 503: ") as caught:
        EXCHANGE.answer(REQUEST, httpx.Response(503), content)
    assert content.decode() in str(caught.value)


def test_a_proxy_of_the_system_is_taken_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")

    def proxy(endpoint: str) -> str | None:
        config = ClientConfig(endpoint=endpoint, transport="rest")
        found: str | None = connection_settings(config)["proxy"]
        return found

    assert proxy("far.example:8501") == "http://proxy:3128"
    assert proxy("inside.example:8501") is None
    assert proxy("localhost:8501") is None


def test_an_endpoint_may_be_a_url_with_a_path() -> None:
    config = ClientConfig(endpoint="https://gate.example/team/", transport="rest")
    assert base_url(config) == "https://gate.example/team"


def test_verification_is_only_skipped_when_asked() -> None:
    assert ssl_context(None).verify_mode is ssl.CERT_REQUIRED
    assert ssl_context(TlsConfig()).check_hostname
    blind = ssl_context(TlsConfig(insecure_skip_verify=True))
    assert (blind.verify_mode, blind.check_hostname) == (ssl.CERT_NONE, False)
