"""Hands a compiled pipeline to a Kubeflow Pipelines server."""

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.settings import quoted
from pipeline.errors import SubmitError
from pipeline.kubeflow.api_server import (
    check_server,
    checked_host,
    checked_token,
    proxy_of,
)
from pipeline.kubeflow.parameters import declared_parameters, typed
from pipeline.kubeflow.spec_file import check_spec


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
        object.__setattr__(self, "host", checked_host(self.host))
        object.__setattr__(self, "token", checked_token(self.token))
        if not 0 < self.deadline_s < float("inf"):
            raise SubmitError(
                f"deadline_s is {quoted(self.deadline_s)}; allowed: seconds above 0."
            )


def submit(spec_path: Path, submission: Submission) -> str:
    """Starts a run and returns its id.

    Raises:
        SettingError: The pipeline has no such parameter, or it takes no such value.
        SubmitError: The file is not for Kubeflow, no server answers, or it refuses.
    """
    spec = check_spec(spec_path)
    given = typed(declared_parameters(spec), submission.parameters)
    submission = dataclasses.replace(submission, parameters=given)
    check_server(submission.host, submission.token, submission.deadline_s)
    import kfp  # Takes seconds; the checks above do not.
    import kfp_server_api

    host = submission.host
    try:
        # kfp prints links, and warns each time of backends older than 2.0.
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            client = kfp.Client(
                host=host, existing_token=submission.token, proxy=proxy_of(host)
            )
            run_id = _run(client, spec_path, submission)
    except kfp_server_api.ApiException as error:
        raise _refusal(host, error) from error
    # kfp takes answers of other servers apart as they come, and stumbles anywhere.
    except Exception as error:
        raise SubmitError(
            f"kfp could not start the run at {host}: {type(error).__name__}: "
            f"{quoted(str(error))}. Nothing says that a run was started; look at the "
            "server's list of runs, and run it again with --debug for the traceback."
        ) from error
    if not (isinstance(run_id, str) and run_id and run_id.isprintable()):
        raise SubmitError(
            f"{host} took the pipeline and named no run. Is it a Kubeflow Pipelines "
            "server of version 2 or later, or does something else answer for it? Look "
            "at its list of runs."
        )
    return run_id


def _refusal(host: str, error: Any) -> SubmitError:
    """Repeats what the server says, but not a page made for people."""
    body = str(error.body or "")[:2000]
    told = quoted(body) if "<html" in body.lower() else body
    reason = f"{error.status} {error.reason}"
    return SubmitError(f"{host} refused the pipeline: {reason}\n{told}".rstrip())


def _run(client: Any, spec_path: Path, submission: Submission) -> object:
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
