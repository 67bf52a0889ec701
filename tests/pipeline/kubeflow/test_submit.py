"""Submitting to a Kubeflow server that runs in this process."""

import http.server
import json
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from pipeline.errors import SubmitError
from pipeline.kubeflow.submit import Submission, submit

RUN_ID = "7d3f"
TOKEN = "let-me-in"
SPEC = {
    "pipelineInfo": {"name": "tiny"},
    "schemaVersion": "2.1.0",
    "root": {
        "dag": {},
        "inputDefinitions": {
            "parameters": {"steps": {"parameterType": "NUMBER_INTEGER"}}
        },
    },
    "deploymentSpec": {"executors": {}},
}


class FakeKubeflow(http.server.ThreadingHTTPServer):
    """Answers like the API server; keeps what was posted, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.posted: dict[str, Any] = {}
        self.wanted_token: str | None = None
        self.refusal: dict[str, Any] | None = None
        self.started: object = {"run_id": RUN_ID, "experiment_id": "e1"}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeKubeflow

    def do_GET(self) -> None:
        token = self.server.wanted_token
        if token and self.headers["Authorization"] != f"Bearer {token}":
            self._answer(401, {})
        elif self.path.endswith("/healthz"):
            self._answer(200, {"multi_user": False})
        else:
            self._answer(200, {"experiments": [{"experiment_id": "e1"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted[self.path.rsplit("/", 1)[-1].split("?")[0]] = body
        if self.server.refusal:
            self._answer(400, self.server.refusal)
        else:
            self._answer(200, self.server.started)

    def _answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def kubeflow() -> Iterator[FakeKubeflow]:
    with FakeKubeflow() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def spec_path(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.dump(SPEC))
    return path


def test_a_run_starts_with_the_pipeline_and_its_settings(
    kubeflow: FakeKubeflow,
    spec_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    settings = Submission(
        host=kubeflow.url,
        experiment="nightly",
        parameters={"steps": "3"},
        pipeline_root="gs://bucket/root",
    )
    assert submit(spec_path, settings) == RUN_ID
    assert capsys.readouterr().out == ""  # What to print is the command's to say.
    run = kubeflow.posted["runs"]
    assert run["display_name"] == "tiny"
    assert run["pipeline_spec"]["pipelineInfo"]["name"] == "tiny"
    assert run["runtime_config"] == {
        "parameters": {"steps": 3},
        "pipeline_root": "gs://bucket/root",
    }


def test_volumes_travel_with_the_pipeline(
    kubeflow: FakeKubeflow, spec_path: pathlib.Path
):
    platforms = {"kubernetes": {"deploymentSpec": {"executors": {"a_executor": {}}}}}
    spec_path.write_text(yaml.dump_all([SPEC, {"platforms": platforms}]))
    submit(spec_path, Submission(host=kubeflow.url))
    sent = kubeflow.posted["runs"]["pipeline_spec"]
    assert sent["pipeline_spec"]["pipelineInfo"]["name"] == "tiny"
    assert sent["platform_spec"] == {"platforms": platforms}


def test_the_token_is_sent(kubeflow: FakeKubeflow, spec_path: pathlib.Path):
    kubeflow.wanted_token = TOKEN
    assert submit(spec_path, Submission(host=kubeflow.url, token=TOKEN)) == RUN_ID


def test_a_missing_token_is_named(kubeflow: FakeKubeflow, spec_path: pathlib.Path):
    kubeflow.wanted_token = TOKEN
    with pytest.raises(SubmitError, match=r"401.*does it want a --token"):
        submit(spec_path, Submission(host=kubeflow.url))


def test_a_refusal_carries_the_server_s_reason(
    kubeflow: FakeKubeflow, spec_path: pathlib.Path
):
    kubeflow.refusal = {"error": "unknown executor"}
    with pytest.raises(SubmitError, match=r"(?s)400.*unknown executor"):
        submit(spec_path, Submission(host=kubeflow.url))


@pytest.mark.parametrize(
    "started",
    [{}, {"run_id": ""}, {"run_id": "a\x1b[1m"}, {"id": "7"}, [], "page", None],
)
def test_an_answer_without_a_run_is_no_success(
    kubeflow: FakeKubeflow, spec_path: pathlib.Path, started: object
):
    kubeflow.started = started
    with pytest.raises(SubmitError, match="named no run|could not start the run"):
        submit(spec_path, Submission(host=kubeflow.url))


def test_no_server_is_an_answer_within_the_deadline(spec_path: pathlib.Path):
    with pytest.raises(SubmitError, match="port-forward"):
        submit(spec_path, Submission(host="http://127.0.0.1:9", deadline_s=2))


def test_a_host_without_a_scheme_is_refused():
    with pytest.raises(SubmitError, match="must start with http"):
        Submission(host="localhost:8888")


@pytest.mark.parametrize("deadline_s", [0, -1, float("nan"), float("inf")])
def test_a_deadline_that_is_none_is_refused(deadline_s: float):
    with pytest.raises(SubmitError, match="deadline_s is .*allowed: seconds above 0"):
        Submission(host="http://localhost", deadline_s=deadline_s)


def test_a_vertex_file_is_not_sent_to_kubeflow(tmp_path: pathlib.Path):
    with pytest.raises(SubmitError, match=r"Compile to a \.yaml file"):
        submit(tmp_path / "p.json", Submission(host="http://127.0.0.1:9"))
