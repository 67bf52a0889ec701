"""Asking a server how far its models are: what each answer means."""

import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from serving.launch.readiness import StatusProbe
from serving.launch.settings import EngineSettings
from serving.server.models.config import ModelEntry
from tests.support.serving.fakes import free_port

MODEL = ModelEntry(name="m", base_path="/m")


class Handler(http.server.BaseHTTPRequestHandler):
    answer: tuple[int, Any] = (200, {})
    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        code, body = self.answer
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *arguments: Any) -> None: ...


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server that gives `Handler.answer`."""
    Handler.asked = []
    with http.server.HTTPServer(("", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def probe(port: int, **settings: Any) -> StatusProbe:
    wanted = EngineSettings.of((MODEL,), rest_api_port=port, **settings)
    return StatusProbe(wanted)


def status(*states: tuple[int, str, str]) -> dict[str, Any]:
    """What upstream answers for versions, states and their errors."""
    return {
        "model_version_status": [
            {
                "version": str(version),
                "state": state,
                "status": {"error_code": "UNKNOWN", "error_message": message},
            }
            for version, state, message in states
        ]
    }


@pytest.mark.parametrize(
    "answer, is_available, error",
    [
        (status((1, "AVAILABLE", "")), True, None),
        (status((2, "LOADING", ""), (1, "AVAILABLE", "")), True, None),
        (status((1, "LOADING", "")), False, None),
        (status((1, "END", "no such op")), False, "no such op"),
        (status((2, "LOADING", ""), (1, "END", "old")), False, None),
        (status((1, "END", "")), False, None),
        ({}, False, None),
    ],
)
def test_versions_decide_whether_a_model_is_there(
    port: int, answer: Any, is_available: bool, error: str | None
) -> None:
    Handler.answer = (200, answer)
    state = probe(port).ask("m")
    assert (state.is_available, state.error) == (is_available, error)
    assert Handler.asked == [("/v1/models/m", None)]


def test_a_refusal_is_quoted(port: int) -> None:
    Handler.answer = (404, {"error": "Could not find any versions of model m"})
    state = probe(port).ask("m")
    assert state.text == "answers 404: Could not find any versions of model m"
    assert not state.is_settled


def test_the_token_is_sent(port: int, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("# of the tests\n\nfirst # of the gateway\nsecond\n")
    Handler.answer = (200, status((1, "AVAILABLE", "")))
    assert probe(port, bearer_token_file=str(file)).ask("m").is_available
    assert Handler.asked == [("/v1/models/m", "Bearer first")]


def test_a_server_without_tls_on_rest_is_asked_in_the_clear(port: int) -> None:
    Handler.answer = (200, status((1, "AVAILABLE", "")))
    assert probe(port, ssl_config_file="/f").ask("m").is_available


def test_nobody_there_is_a_state_and_no_error() -> None:
    state = probe(free_port()).ask("m")
    assert state.text == "nothing answers yet (ConnectionRefusedError)"
    assert not state.is_settled
