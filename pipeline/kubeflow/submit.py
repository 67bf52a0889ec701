"""Hands a compiled pipeline to a Kubeflow Pipelines server."""

import contextlib
import dataclasses
import io
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

_ACCEPTED = (".yaml", ".yml")
_HEALTH_PATH = "/apis/v2beta1/healthz"


class SubmitError(UserError):
    """The pipeline was not accepted."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Submission:
    """Where a run goes, and under which names.

    `host` is a URL such as `http://localhost:8888`. `pipeline_root` replaces the one
    in the file, `parameters` fill the pipeline's runtime parameters. `token` is sent as
    a bearer token.
    """

    host: str
    run_name: str | None = None
    experiment: str | None = None
    namespace: str | None = None
    pipeline_root: str | None = None
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    enable_cache: bool | None = None
    token: str | None = None
    deadline_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.host.startswith(("http://", "https://")):
            raise SubmitError(
                f"The host is {self.host!r}; it must start with http:// or https://, "
                "as in http://localhost:8888."
            )


def submit(spec_path: Path, submission: Submission) -> str:
    """Starts a run and returns its id.

    Raises:
        SubmitError: The file is not for Kubeflow, no server answers, or it refuses.
    """
    _check_file(spec_path)
    _check_server(submission)
    import kfp  # Takes seconds; the checks above do not.
    import kfp_server_api

    try:
        # kfp prints links, and warns each time of backends older than 2.0.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            client = kfp.Client(host=submission.host, existing_token=submission.token)
            return _run(client, spec_path, submission)
    except kfp_server_api.ApiException as error:
        raise SubmitError(
            f"{submission.host} refused the pipeline: {error.status} {error.reason}\n"
            f"{error.body or ''}".rstrip()
        ) from error


def _run(client: Any, spec_path: Path, submission: Submission) -> str:
    run = client.create_run_from_pipeline_package(
        str(spec_path),
        arguments=dict(submission.parameters),
        run_name=submission.run_name or spec_path.stem,
        experiment_name=submission.experiment,
        namespace=submission.namespace,
        pipeline_root=submission.pipeline_root,
        enable_caching=submission.enable_cache,
    )
    return run.run_id


def _check_file(spec_path: Path) -> None:
    if spec_path.suffix == ".json":
        raise SubmitError(
            f"{spec_path} is for Vertex AI. Compile to a .yaml file for Kubeflow "
            "Pipelines, or submit this one with the Google Cloud console or SDK."
        )
    if spec_path.suffix not in _ACCEPTED:
        raise SubmitError(
            f"{spec_path} is not a compiled pipeline: it must end in .yaml."
        )
    if not spec_path.is_file():
        raise SubmitError(f"There is no file {spec_path}: write it with `ktp compile`.")


def _check_server(submission: Submission) -> None:
    """Asks once: kfp's own client would try five times, printing a traceback each."""
    url = submission.host.rstrip("/") + _HEALTH_PATH
    request = urllib.request.Request(url)
    if submission.token:
        request.add_header("Authorization", f"Bearer {submission.token}")
    try:
        with urllib.request.urlopen(request, timeout=submission.deadline_s):
            return
    except urllib.error.HTTPError as error:
        error.close()
        raise SubmitError(
            f"{url} answers {error.code} {error.reason}: is this a Kubeflow Pipelines "
            "server of version 2 or later, and does it want a --token?"
        ) from error
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise SubmitError(
            f"No Kubeflow Pipelines server answers at {submission.host} ({reason}). "
            "From outside the cluster, open a way first:\n"
            "  kubectl -n kubeflow port-forward service/ml-pipeline 8888"
        ) from error
