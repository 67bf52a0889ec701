"""REST paths, statuses, headers and probes, over a real connection."""

import concurrent.futures
import gzip
import http.client
import json
import pathlib
import time
from typing import Any

import pytest

from serving.server.status import Code
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.fakes import FakeServer

PREDICT = "/v1/models/classifier:predict"
HALF = json.dumps({"signature_name": "half", "instances": [1.0, 3.0]}).encode()


class Answer:
    """Status, headers and body of one request that no library has touched up."""

    def __init__(
        self, server: FakeServer, method: str, target: str, *args: Any, **kwargs: Any
    ) -> None:
        connection = http.client.HTTPConnection(server.rest_endpoint, timeout=10)
        connection.request(method, target, *args, **kwargs)
        response = connection.getresponse()
        self.status, self.headers = response.status, response.headers
        self.body = response.read()
        connection.close()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@pytest.mark.parametrize(
    "target",
    [
        PREDICT,
        "/v1/models/classifier/versions/1:predict",
        "/V1/MODELS/classifier/VERSIONS/1:predict",
        "/v1/models/%63lassifier:predict",
    ],
)
def test_predict_answers_on_every_spelling_of_its_path(
    fake_server: FakeServer, target: str
) -> None:
    answer = Answer(fake_server, "POST", target, HALF)
    assert (answer.status, answer.json) == (200, {"predictions": [0.5, 1.5]})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-model-version"] == "1"


def _malformed(method: str, target: str) -> tuple[str, str, int, str]:
    return method, target, 400, f"Malformed request: {method} {target}"


@pytest.mark.parametrize(
    "method, target, status, message",
    [
        _malformed("GET", "/v1/foo"),
        _malformed("POST", "/v1/models/classifier:PREDICT"),
        _malformed("POST", f"{PREDICT}?x=1"),
        _malformed("POST", "/v1/models/a/b:predict"),
        # Neither MultiInference nor a reload has a path of its own.
        _malformed("POST", "/v1/models/classifier:multiInference"),
        _malformed("POST", "/v1/config/reload"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        (
            "GET",
            "/v1/models/m?x=1",
            404,
            "Could not find any versions of model m?x=1",
        ),
        (
            "GET",
            "/v1/models/classifier/versions/7",
            404,
            "Could not find version 7 of model classifier",
        ),
        (
            "POST",
            "/v1/models/m:predict",
            400,
            "JSON Parse error: The document is empty",
        ),
        ("POST", PREDICT, 400, "JSON Parse error: The document is empty"),
    ],
)
def test_a_wrong_request_has_upstream_s_status_and_words(
    fake_server: FakeServer, method: str, target: str, status: int, message: str
) -> None:
    answer = Answer(fake_server, method, target)
    assert (answer.status, list(answer.json)) == (status, ["error"])
    # What was expected stands behind upstream's words.
    assert answer.json["error"].partition(". Expected: POST ")[0] == message


@pytest.mark.parametrize(
    "part, status, message",
    [
        ("m", 404, "Servable not found for request: Latest(m)"),
        ("m/versions/7", 404, "Servable not found for request: Specific(m, 7)"),
        (
            "classifier/labels/new",
            400,
            "Unrecognized servable version label: new",
        ),
    ],
)
def test_an_unknown_model_version_or_label_has_upstream_s_words(
    fake_server: FakeServer, part: str, status: int, message: str
) -> None:
    answer = Answer(fake_server, "POST", f"/v1/models/{part}:predict", HALF)
    assert (answer.status, answer.json) == (status, {"error": message})


def test_an_unknown_signature_has_rest_s_own_words(fake_server: FakeServer) -> None:
    body = b'{"signature_name": "s", "instances": [1]}'
    answer = Answer(fake_server, "POST", PREDICT, body)
    expected = 'Serving signature name: "s" not found in signature def'
    assert (answer.status, answer.json["error"]) == (400, expected)


def test_error_texts_are_never_cut(fake_server: FakeServer) -> None:
    name = "s" * 2000
    body = json.dumps({"signature_name": name, "instances": [1]}).encode()
    error = Answer(fake_server, "POST", PREDICT, body).json["error"]
    assert error == f'Serving signature name: "{name}" not found in signature def'


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.OK])
def test_every_code_of_a_model_has_upstream_s_status(
    fake_server: FakeServer, code: Code
) -> None:
    body = json.dumps({"signature_name": "fail", "inputs": int(code)}).encode()
    answer = Answer(fake_server, "POST", PREDICT, body)
    assert answer.status == UPSTREAM_STATUSES[code.name]
    text = f"told to fail with {code.name}"
    assert answer.body == f'{{\n    "error": "{text}"\n}}'.encode()


# tensorflow/serving: model_servers/http_server.cc, ToHTTPStatusCode.
UPSTREAM_STATUSES = {
    **dict.fromkeys(("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"), 400),
    **{"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404},
    **{"ALREADY_EXISTS": 409, "ABORTED": 409, "RESOURCE_EXHAUSTED": 429},
    **{"CANCELLED": 499, "UNKNOWN": 500, "INTERNAL": 500, "DATA_LOSS": 500},
    **{"UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504},
}


def test_a_version_beyond_int64_gets_an_empty_body(fake_server: FakeServer) -> None:
    target = f"/v1/models/classifier/versions/{2**64 - 1}:predict"
    answer = Answer(fake_server, "POST", target, HALF)
    assert (answer.status, answer.body) == (400, b"")


def test_outside_the_api_is_a_html_page(fake_server: FakeServer) -> None:
    answer = Answer(fake_server, "GET", "/index.html")
    assert answer.status == 404
    assert answer.body.startswith(b"<HTML><HEAD>\n<TITLE>404 Not Found")


@pytest.mark.parametrize("suffix", ["", "/labels/any", "/METADATA"])
def test_status_prints_versions_as_strings(
    fake_server: FakeServer, suffix: str
) -> None:
    answer = Answer(fake_server, "GET", f"/v1/models/classifier{suffix}")
    status = {"error_code": "OK", "error_message": ""}
    assert answer.json == {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": status}
        ]
    }
    assert answer.body.startswith(b'{\n "model_version_status": [')


def test_metadata_prints_signatures_with_their_proto_names(
    fake_server: FakeServer,
) -> None:
    answer = Answer(fake_server, "GET", "/v1/models/classifier/metadata").json
    spec = {"name": "classifier", "signature_name": "", "version": "1"}
    assert answer["model_spec"] == spec
    half = answer["metadata"]["signature_def"]["signature_def"]["half"]
    assert half["method_name"] == ""
    assert half["inputs"]["x"]["dtype"] == "DT_FLOAT"
    assert half["inputs"]["x"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


def test_gzip_bodies_are_unpacked(fake_server: FakeServer) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = Answer(fake_server, "POST", PREDICT, gzip.compress(HALF), headers)
    assert answer.json == {"predictions": [0.5, 1.5]}
    broken = Answer(fake_server, "POST", PREDICT, b"no gzip", headers)
    assert (broken.status, "gzip" in broken.json["error"]) == (400, True)


def test_a_gzip_bomb_is_refused(fake_server: FakeServer) -> None:
    headers = {"Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(101 * 1024 * 1024), compresslevel=1)
    answer = Answer(fake_server, "POST", PREDICT, bomb, headers)
    assert (answer.status, "larger than" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_answer_for_a_ready_server(fake_server: FakeServer, path: str) -> None:
    assert Answer(fake_server, "GET", path).status == 200


def test_readiness_follows_the_models_and_liveness_does_not(
    tmp_path: pathlib.Path,
) -> None:
    with FakeServer(tmp_path) as server:
        (tmp_path / "1").rmdir()
        wait_until(lambda: Answer(server, "GET", "/readyz").status != 200, "the unload")
        answer = Answer(server, "GET", "/readyz")
        assert answer.status == 503
        assert answer.json["models_not_ready"] == ["classifier"]
        assert Answer(server, "GET", "/healthz").status == 200


def test_a_request_beyond_the_time_limit_is_told_so_while_its_run_goes_on(
    tmp_path: pathlib.Path,
) -> None:
    body = json.dumps({"signature_name": "sleep", "inputs": LONG_S}).encode()
    with FakeServer(tmp_path, rest_api_timeout_in_ms=200) as server:
        began_s = time.monotonic()
        answer = Answer(server, "POST", PREDICT, body)
        assert time.monotonic() - began_s < LONG_S / 2
        server.naps.wake(for_ever=True)
    assert answer.status == 504
    assert answer.json == {"error": "Timed out waiting for notification"}


def test_running_requests_finish_while_the_server_stops(tmp_path: pathlib.Path) -> None:
    body = json.dumps({"signature_name": "sleep", "inputs": 0.7}).encode()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with FakeServer(tmp_path) as server:
            pending = pool.submit(Answer, server, "POST", PREDICT, body)
            server.naps.wait_for(1)
        assert pending.result().json == {"outputs": 1}
