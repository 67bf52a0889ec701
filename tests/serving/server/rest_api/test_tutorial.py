"""What TF Serving's tutorials and REST guide send, and what they say comes back."""

import json
import pathlib
import urllib.error
import urllib.request
from typing import Any

import pytest
import requests

from tests.support.serving.fakes import FakeServer
from tests.support.serving.server.prometheus_reader import read_page

# Importing TensorFlow and building the first model takes long on a busy machine.
pytestmark = pytest.mark.timeout(300)

MODEL = "/v1/models/half_plus_two"


def _url(server: FakeServer, path: str) -> str:
    return f"http://{server.rest_endpoint}{path}"


def _post(server: FakeServer, path: str, body: Any) -> requests.Response:
    return requests.post(_url(server, path), data=json.dumps(body), timeout=10)


@pytest.mark.parametrize(
    "verb, body, answer",
    [
        ("predict", {"instances": [1.0, 2.0, 5.0]}, {"predictions": [2.5, 3.0, 4.5]}),
        ("predict", {"inputs": [2.0, 3.0]}, {"outputs": [3.0, 3.5]}),
        ("predict", {"instances": [{"x": [1.0]}]}, {"predictions": [[2.5]]}),
        ("predict", {"inputs": {"x": [[1.0]]}}, {"outputs": [[2.5]]}),
        (
            "regress",
            {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}, {"x": 2.0}]},
            {"results": [2.5, 3.0]},
        ),
        (
            "regress",
            {
                "signature_name": "regress_x_to_y",
                "context": {"x": 4.0},
                "examples": [{}],
            },
            {"results": [4.0]},
        ),
        (
            "classify",
            {"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}]},
            {"results": [[["", 3.0]]]},
        ),
    ],
)
@pytest.mark.parametrize("part", ["", "/versions/123", "/labels/stable"])
def test_the_guide_s_requests_get_the_guide_s_answers(
    half_plus_two: FakeServer, part: str, verb: str, body: Any, answer: Any
) -> None:
    response = _post(half_plus_two, f"{MODEL}{part}:{verb}", body)
    assert (response.status_code, response.json()) == (200, answer)
    assert response.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    "part, version", [("", 2), ("/versions/1", 1), ("/labels/stable", 1)]
)
def test_a_path_chooses_the_version_and_a_header_names_it(
    half_plus_two: FakeServer, part: str, version: int
) -> None:
    path = f"/v1/models/numbers{part}:predict"
    response = _post(half_plus_two, path, {"instances": [2.0]})
    assert response.json() == {"predictions": [1.0 + version]}
    assert response.headers["x-model-version"] == str(version)


def test_urllib_s_form_content_type_does_not_matter(half_plus_two: FakeServer) -> None:
    """`curl -d` says that the body is a form, too."""
    request = urllib.request.Request(
        _url(half_plus_two, f"{MODEL}:predict"), b'{"instances": [1.0]}'
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.read() == b'{\n    "predictions": [2.5\n    ]\n}'
    assert request.get_header("Content-type") == "application/x-www-form-urlencoded"


def test_the_guide_s_wrong_name_is_a_404(half_plus_two: FakeServer) -> None:
    url = _url(half_plus_two, "/v1/models/half:predict")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url, b'{"instances": [1.0, 5.0]}', timeout=10)
    with caught.value as error:
        assert error.code == 404
        assert json.load(error) == {
            "error": "Servable not found for request: Latest(half)"
        }


@pytest.mark.parametrize("part", ["", "/versions/123", "/labels/made-up"])
def test_status_is_the_guide_s_whatever_the_label(
    half_plus_two: FakeServer, part: str
) -> None:
    status = {"error_code": "OK", "error_message": ""}
    version = {"version": "123", "state": "AVAILABLE", "status": status}
    answer = requests.get(_url(half_plus_two, MODEL + part), timeout=10)
    assert answer.json() == {"model_version_status": [version]}


def test_metadata_has_the_guide_s_fields_and_every_signature(
    half_plus_two: FakeServer,
) -> None:
    answer = requests.get(_url(half_plus_two, f"{MODEL}/metadata"), timeout=10).json()
    spec = {"name": "half_plus_two", "signature_name": "", "version": "123"}
    assert answer["model_spec"] == spec
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    regress = signatures["regress_x_to_y"]
    assert regress["method_name"] == "tensorflow/serving/regress"
    x = regress["inputs"]["inputs"]
    assert x.items() >= {"dtype": "DT_STRING", "name": "tf_example:0"}.items()
    shape = {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False}
    assert x["tensor_shape"] == shape


@pytest.mark.parametrize(
    "verb, signature, body, message",
    [
        (
            "regress",
            "regress_x_to_y",
            {"examples": [{"other": 1.0}]},
            "Name: <unknown>, Feature: x (data type: float) is required but could not "
            "be found.\n\t [[{{node ParseExample/ParseExampleV2}}]]",
        ),
        (
            "predict",
            "regress_x_to_y",
            {"instances": ["garbage"]},
            "Could not parse example input, value: 'garbage'\n"
            "\t [[{{node ParseExample/ParseExampleV2}}]]",
        ),
        (
            "regress",
            "s",
            {"examples": [{"x": 1.0}]},
            "No signature was found with the name: s",
        ),
        (
            "predict",
            "constant",
            {"instances": [1.0]},
            "Failed to get input map for signature: constant",
        ),
    ],
)
def test_what_the_model_refuses_has_tensorflow_s_words(
    half_plus_two: FakeServer, verb: str, signature: str, body: Any, message: str
) -> None:
    body = {"signature_name": signature, **body}
    response = _post(half_plus_two, f"{MODEL}:{verb}", body)
    assert (response.status_code, response.json()) == (400, {"error": message})


def test_rest_insists_on_inputs_that_have_defaults(half_plus_two: FakeServer) -> None:
    """Upstream's JSON reader does not know of `SignatureDef.defaults`."""
    body = {"signature_name": "times", "inputs": {"x": [[2.0]]}}
    response = _post(half_plus_two, f"{MODEL}:predict", body)
    message = "Missing named input: factor in 'inputs' object."
    assert (response.status_code, response.json()["error"]) == (400, message)


def test_outputs_named_bytes_come_back_as_base64(half_plus_two: FakeServer) -> None:
    body = {"signature_name": "echo", "instances": [{"b64": "/w=="}, "text"]}
    response = _post(half_plus_two, "/v1/models/numbers:predict", body)
    rows = response.json()["predictions"]
    assert [row["raw_bytes"] for row in rows] == [{"b64": "/w=="}, {"b64": "dGV4dA=="}]


def test_a_scraper_reads_the_page_of_a_server_that_has_worked(
    half_plus_two: FakeServer,
) -> None:
    body = {"instances": [1.0]}
    assert _post(half_plus_two, f"{MODEL}:predict", body).status_code == 200
    path = "/monitoring/prometheus/metrics"
    answer = requests.get(_url(half_plus_two, path), timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain")
    page = read_page(answer.text)
    request = {"model_name": "half_plus_two", "API": "predict", "entrypoint": "REST"}
    assert page.value(":tensorflow:serving:request_latency_count", **request) >= 1
    counted = {"model_name": "half_plus_two", "status": "OK"}
    assert page.value(":tensorflow:serving:request_count", **counted) >= 1
    runtime = {"model_name": "half_plus_two", "API": "Predict", "runtime": "TF1"}
    assert page.value(":tensorflow:serving:runtime_latency_count", **runtime) >= 1


BATCHING = """
max_batch_size { value: 4 }
enable_large_batch_splitting { value: false }
"""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The models with small batches, no splitting and little time."""
    from tests.support.serving.half_plus_two import serve_half_plus_two

    folder = tmp_path_factory.mktemp("limited")
    file = folder / "batching.config"
    file.write_text(BATCHING)
    flags = {"enable_batching": True, "batching_parameters_file": str(file)}
    with serve_half_plus_two(folder, rest_api_timeout_in_ms=200, **flags) as server:
        yield server


@pytest.mark.parametrize(
    "signature, body, message",
    [
        (
            "serving_default",
            {"instances": [1.0] * 5},
            "Task size 5 is larger than maximum input batch size 4",
        ),
        (
            "serving_default",
            {"inputs": 1.0},
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            "two",
            {"inputs": {"a": [[1.0, 2.0]], "b": [1, 2]}},
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
    ],
)
def test_what_cannot_be_batched_is_a_400_in_upstream_s_words(
    limited: FakeServer, signature: str, body: Any, message: str
) -> None:
    body = {"signature_name": signature, **body}
    response = _post(limited, "/v1/models/numbers:predict", body)
    assert (response.status_code, response.json()) == (400, {"error": message})


def test_a_run_that_takes_longer_than_the_rest_timeout_is_a_504(
    limited: FakeServer,
) -> None:
    body = {"signature_name": "slow", "instances": [20_000]}
    response = _post(limited, "/v1/models/numbers:predict", body)
    assert response.status_code == 504
    assert response.json()["error"]


def test_a_tflite_file_answers_rest_when_the_flag_prefers_it(
    tmp_path: pathlib.Path,
) -> None:
    from tests.support.serving.tflite_models import save_tflite

    (tmp_path / "1").mkdir()
    save_tflite(tmp_path / "1" / "model.tflite", ["serving_default"])
    with FakeServer(tmp_path, loader=None, prefer_tflite_model=True) as server:
        body = {"instances": [1.0, 4.0]}
        response = _post(server, "/v1/models/classifier:predict", body)
        assert response.json() == {"predictions": [0.5, 2.0]}
