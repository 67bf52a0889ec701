"""What `/v1/models/NAME` says of a model's versions."""

from collections.abc import Sequence

from serving.server import upstream_texts
from serving.server.json_format.exact_parser import JsonObject
from serving.server.models.version import ServedVersion
from serving.server.status import StatusError


def status_content(versions: Sequence[ServedVersion]) -> JsonObject:
    """Returns GetModelStatusResponse as upstream prints it: int64 are strings."""
    return {"model_version_status": [_version_status(one) for one in versions]}


def start_error(
    versions: Sequence[ServedVersion], name: str, version: int | None
) -> StatusError | None:
    """Returns UNAVAILABLE while these versions load for the first time.

    Only where the ports open at once: the probes of existing manifests take any answer
    with 200 for a model that is there.
    """
    if not all(one.is_loading for one in versions):
        return None
    detail = "It is still loading; try again."
    return upstream_texts.servable_not_found(name, version, detail, loading=True)


def _version_status(version: ServedVersion) -> JsonObject:
    code, message = version.status
    return {
        "version": str(version.number),
        "state": version.state.name,
        "status": {"error_code": code.name, "error_message": message},
    }
