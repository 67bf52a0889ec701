"""Submitting to a Vertex AI that runs in this process, and keeps what it was sent."""

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.commands.kubeflow import submit_command
from pipeline.errors import SettingError, SubmitError
from pipeline.kubeflow.vertex import VertexSubmission, submit_to_vertex

JOB = {
    "displayName": "keras-transformer",
    "pipelineSpec": {
        "pipelineInfo": {"name": "keras-transformer"},
        "root": {
            "inputDefinitions": {"parameters": {"data": {"parameterType": "STRING"}}},
            "dag": {"tasks": {"a": {"cachingOptions": {"enableCache": True}}}},
        },
    },
    "runtimeConfig": {"gcsOutputDirectory": "gs://bucket/root"},
}
NAME = "projects/123/locations/europe-west4/pipelineJobs/keras-transformer-1"


class FakeVertex(http.server.ThreadingHTTPServer):
    """Answers every post with `answer`; keeps the last request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: tuple[int, bytes] = (200, json.dumps({"name": NAME}).encode())
        self.path = ""
        self.token = ""
        self.job: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeVertex

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.job = json.loads(self.rfile.read(length))
        self.server.path = self.path
        self.server.token = self.headers["Authorization"]
        status, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def vertex() -> Iterator[FakeVertex]:
    with FakeVertex() as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.json"
    path.write_text(json.dumps(JOB))
    return path


def submission(vertex: FakeVertex, **settings: Any) -> VertexSubmission:
    given = {"project": "my-project", "location": "europe-west4", "token": "secret"}
    return VertexSubmission(host=vertex.url, **{**given, **settings})


def test_the_job_of_the_file_is_posted_under_a_name_of_its_own(
    vertex: FakeVertex, path: Path
) -> None:
    assert submit_to_vertex(path, submission(vertex)) == NAME
    parts = urllib.parse.urlsplit(vertex.path)
    place = "/v1/projects/my-project/locations/europe-west4/pipelineJobs"
    assert parts.path == place
    (job_id,) = urllib.parse.parse_qs(parts.query)["pipelineJobId"]
    assert job_id.startswith("keras-transformer-2")
    assert vertex.token == "Bearer secret"
    assert vertex.job == {
        **JOB,
        "runtimeConfig": {
            "gcsOutputDirectory": "gs://bucket/root",
            "parameterValues": {},
        },
    }


def test_a_run_has_its_own_names_places_and_parameters(
    vertex: FakeVertex, path: Path
) -> None:
    asked = submission(
        vertex,
        run_name="tuesday",
        pipeline_root="gs://other/root",
        parameters={"data": "gs://bucket/rows.csv"},
        service_account="steps@my-project.iam.gserviceaccount.com",
        network="projects/1/global/networks/n",
        enable_cache=False,
    )
    submit_to_vertex(path, asked)
    assert vertex.job["displayName"] == "tuesday"
    assert vertex.job["runtimeConfig"] == {
        "gcsOutputDirectory": "gs://other/root",
        "parameterValues": {"data": "gs://bucket/rows.csv"},
    }
    assert vertex.job["serviceAccount"].startswith("steps@")
    assert vertex.job["network"] == "projects/1/global/networks/n"
    task = vertex.job["pipelineSpec"]["root"]["dag"]["tasks"]["a"]
    assert task["cachingOptions"] == {"enableCache": False}


def test_an_unknown_parameter_is_refused_before_anything_is_sent(
    vertex: FakeVertex, path: Path
) -> None:
    with pytest.raises(SettingError, match="no parameter 'dat'; it has data"):
        submit_to_vertex(path, submission(vertex, parameters={"dat": "x"}))
    assert not vertex.job


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (
            (403, b'{"error": {"message": "Permission denied on my-project"}}'),
            "refused the job with 403: Permission denied on my-project",
        ),
        ((500, b"<html>oops</html>"), "refused the job with 500: '<html>oops</html>'"),
        ((200, b"{}"), "answered 200 and named no job"),
        ((200, b"[1]"), "refused the job with 200"),
    ],
)
def test_a_refusal_is_told_with_its_reason(
    vertex: FakeVertex, path: Path, answer: tuple[int, bytes], complaint: str
) -> None:
    vertex.answer = answer
    with pytest.raises(SubmitError) as error:
        submit_to_vertex(path, submission(vertex))
    assert complaint in str(error.value)


def test_a_host_that_does_not_answer_is_named(path: Path) -> None:
    nobody = VertexSubmission(
        project="my-project",
        location="europe-west4",
        token="t",
        host="http://127.0.0.1:9",
    )
    with pytest.raises(SubmitError, match="127.0.0.1:9/v1/projects.* does not answer"):
        submit_to_vertex(path, nobody)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("{", "is no JSON"), ("[]", "holds no job"), ('{"root": {}}', "holds no job")],
)
def test_a_file_of_something_else_is_refused(
    vertex: FakeVertex, path: Path, text: str, complaint: str
) -> None:
    path.write_text(text)
    with pytest.raises(SubmitError, match=complaint):
        submit_to_vertex(path, submission(vertex))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"project": "My Project"}, "The project is 'My Project'"),
        ({"location": "europe"}, "The location is 'europe'"),
        ({"token": "a\nb"}, "The token holds a line break"),
    ],
)
def test_settings_that_google_would_refuse_are_refused(
    vertex: FakeVertex, settings: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SubmitError, match=complaint):
        submission(vertex, **settings)


def test_the_command_takes_the_target_from_the_end_of_the_file(
    vertex: FakeVertex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # These are for Kubeflow, and must not be sent to Google.
    monkeypatch.setenv("KF_PIPELINES_TOKEN", "of-kubeflow")
    named = ("--project", "my-project", "--location", "europe-west4", "--token", "t")
    arguments = [str(path), *named, "--host", vertex.url]
    result = CliRunner().invoke(submit_command, arguments, catch_exceptions=False)
    assert f"Started {NAME}" in result.output
    assert "runs/keras-transformer-1?project=my-project" in result.output
    assert vertex.token == "Bearer t"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["p.json"], "Vertex AI needs a --project and a --location"),
        (["p.json", "--experiment", "e"], "Vertex AI has no --experiment"),
        (["p.yaml", "--project", "p"], "Kubeflow Pipelines has no --project"),
        (["p.yaml", "--service-account", "s"], "has no --service-account"),
    ],
)
def test_an_option_of_the_other_target_is_refused(
    arguments: list[str], complaint: str
) -> None:
    result = CliRunner().invoke(submit_command, arguments)
    assert isinstance(result.exception, SubmitError)
    assert complaint in str(result.exception)
