"""Hands a compiled pipeline to Vertex AI: one request to its REST API.

`projects.locations.pipelineJobs.create`, version 1. The request needs no client library
of 90 MB, and is what the tests look at.
"""

import dataclasses
import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.settings import quoted
from pipeline.errors import SubmitError
from pipeline.kubeflow.api_server import checked_host, checked_token
from pipeline.kubeflow.parameters import declared_parameters, typed
from serving.text_files.shown import named

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_LOCATION = re.compile(r"[a-z]+-[a-z]+[0-9]+")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{3,61}[a-z0-9]")
_MOST_BYTES = 8 * 1024 * 1024
_MOST_TOLD = 2000


@dataclasses.dataclass(frozen=True, kw_only=True)
class VertexSubmission:
    """Where a job goes, and under which names.

    `location` is a region such as `europe-west4`. `parameters` fill the pipeline's
    runtime parameters, `pipeline_root` replaces the one in the file. Steps act as
    `service_account`, or as the project's default one. Without a `token` Google's
    application default credentials are used; without a `host`, Google's.
    """

    project: str
    location: str
    run_name: str | None = None
    pipeline_root: str | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    enable_cache: bool | None = None
    service_account: str | None = None
    network: str | None = None
    token: str | None = None
    host: str | None = None
    deadline_s: float = 60.0

    def __post_init__(self) -> None:
        if not _PROJECT.fullmatch(self.project):
            raise SubmitError(
                f"The project is {quoted(self.project)}; allowed: the id or number of "
                "a Google Cloud project, for example my-project."
            )
        if not _LOCATION.fullmatch(self.location):
            raise SubmitError(
                f"The location is {quoted(self.location)}; allowed: a region of Vertex "
                "AI, for example europe-west4."
            )
        object.__setattr__(self, "token", checked_token(self.token))
        if self.host is not None:
            object.__setattr__(self, "host", checked_host(self.host))

    @property
    def parent(self) -> str:
        """The resource that the job is made in."""
        return f"projects/{self.project}/locations/{self.location}"

    @property
    def url(self) -> str:
        """Where jobs are posted to."""
        host = self.host or f"https://{self.location}-aiplatform.googleapis.com"
        return f"{host}/v1/{self.parent}/pipelineJobs"


def submit_to_vertex(spec_path: Path, submission: VertexSubmission) -> str:
    """Starts a job and returns its resource name.

    Raises:
        SubmitError: The file is not for Vertex AI, there are no credentials, or it is
            refused.
    """
    job = _job(spec_path, submission)
    import requests

    try:
        with _session(submission) as session:
            answer = session.post(
                submission.url,
                params={"pipelineJobId": _job_id(job)},
                json=job,
                timeout=submission.deadline_s,
            )
    except requests.RequestException as error:
        raise SubmitError(
            f"{submission.url} does not answer ({type(error).__name__}: "
            f"{quoted(str(error)[:_MOST_TOLD])}). Is the location right, and may this "
            "machine reach it?"
        ) from error
    return _started(submission, answer.status_code, answer.text)


def _started(submission: VertexSubmission, status: int, text: str) -> str:
    try:
        body = json.loads(text)
    except ValueError:
        body = {}
    if status >= 400 or not isinstance(body, dict):
        error = body.get("error", {}) if isinstance(body, dict) else {}
        told = error.get("message") or quoted(text[:_MOST_TOLD])
        raise SubmitError(f"Vertex AI refused the job with {status}: {told}")
    name = body.get("name")
    if not (isinstance(name, str) and name.startswith("projects/")):
        raise SubmitError(
            f"{submission.url} answered {status} and named no job: "
            f"{quoted(text[:_MOST_TOLD])}. Is it Vertex AI that answers there?"
        )
    return name


def console_url(name: str, submission: VertexSubmission) -> str:
    """Gives the page of a job, for people."""
    job_id = name.rpartition("/")[2]
    return (
        "https://console.cloud.google.com/vertex-ai/pipelines/locations/"
        f"{submission.location}/runs/{job_id}?project={submission.project}"
    )


def _job(path: Path, submission: VertexSubmission) -> dict[str, Any]:
    """Reads the file and fills in what this run is given."""
    job = _read(path)
    runtime = job.setdefault("runtimeConfig", {})
    declared = declared_parameters(job["pipelineSpec"])
    runtime["parameterValues"] = {
        **runtime.get("parameterValues", {}),
        **typed(declared, submission.parameters),
    }
    if submission.pipeline_root:
        runtime["gcsOutputDirectory"] = submission.pipeline_root
    if submission.run_name:
        job["displayName"] = submission.run_name
    if submission.service_account:
        job["serviceAccount"] = submission.service_account
    if submission.network:
        job["network"] = submission.network
    if submission.enable_cache is False:
        for task in job["pipelineSpec"]["root"]["dag"]["tasks"].values():
            task["cachingOptions"] = {"enableCache": False}
    return job


def _read(path: Path) -> dict[str, Any]:
    advice = "Write one with: ktp compile --output pipeline.json."
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise SubmitError(f"{named(path)} is too large for a job. {advice}")
        job = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SubmitError(
            f"{named(path)} cannot be read: {error.strerror}. {advice}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise SubmitError(f"{named(path)} is no JSON: {error}. {advice}") from error
    spec = job.get("pipelineSpec") if isinstance(job, dict) else None
    if not isinstance(spec, dict) or not isinstance(spec.get("root"), dict):
        raise SubmitError(f"{named(path)} holds no job for Vertex AI. {advice}")
    return job


def _job_id(job: Mapping[str, Any]) -> str:
    """Names the job as Google's own client does: the pipeline, and the second."""
    name = job["pipelineSpec"].get("pipelineInfo", {}).get("name", "pipeline")
    return f"{name}-{datetime.datetime.now():%Y%m%d%H%M%S}"


def _session(submission: VertexSubmission) -> Any:
    import requests

    if submission.token is not None:
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {submission.token}"
        return session
    import google.auth
    import google.auth.exceptions
    from google.auth.transport.requests import AuthorizedSession

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    except google.auth.exceptions.DefaultCredentialsError as error:
        raise SubmitError(
            "There are no credentials for Google Cloud. Make some with: gcloud auth "
            "application-default login; or give a --token, of: gcloud auth "
            "print-access-token."
        ) from error
    return AuthorizedSession(credentials)
