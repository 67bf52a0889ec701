"""Upstream's words for what goes wrong with a request.

Clients and dashboards match on them, so a text may only grow at its end.
"""

from collections.abc import Collection, Mapping

from serving.client import protos
from serving.server.status import Code, StatusError, invalid_argument


def _join(names: Collection[str]) -> str:
    return ",".join(sorted(names))


def missing_model_spec() -> StatusError:
    return invalid_argument("Missing ModelSpec")


def missing_model_name() -> StatusError:
    return invalid_argument("ModelSpec has no name specified.")


def servable_not_found(
    name: str, version: int | None, detail: str = "", *, loading: bool = False
) -> StatusError:
    """UNAVAILABLE while the model loads for the first time, so that clients wait."""
    wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
    text = f"Servable not found for request: {wanted}"
    code = Code.UNAVAILABLE if loading else Code.NOT_FOUND
    return StatusError(code, f"{text}. {detail}" if detail else text)


def unknown_label(label: str) -> StatusError:
    return invalid_argument(f"Unrecognized servable version label: {label}")


def no_versions(name: str, version: int | None) -> StatusError:
    """GetModelStatus for a model, or a version, that never was."""
    what = "any versions" if version is None else f"version {version}"
    return StatusError(Code.NOT_FOUND, f"Could not find {what} of model {name}")


def unknown_signature(name: str) -> StatusError:
    return StatusError(
        Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
    )


def unknown_signature_rest(name: str) -> StatusError:
    return invalid_argument(
        f'Serving signature name: "{name}" not found in signature def'
    )


def input_size_mismatch(sent: Collection[str], wanted: Collection[str]) -> StatusError:
    sent, wanted = set(sent), set(wanted)
    return invalid_argument(
        f"input size does not match signature: {len(sent)}!={len(wanted)} "
        f"len({{{_join(sent)}}}) != len({{{_join(wanted)}}}). "
        f"Sent extra: {{{_join(sent - wanted)}}}. "
        f"Missing but required: {{{_join(wanted - sent)}}}."
    )


def input_not_found(
    alias: str,
    info: "protos.TensorInfo",
    sent: Collection[str],
    defaults: Collection[str],
) -> StatusError:
    return invalid_argument(
        f"Signature input alias: {alias}(feed name: {info.name}) not found in request "
        "and no default value provided. Inputs expected to be in the request "
        f"{{{_join(sent)}}}, or default input alias set: {_join(defaults)}"
    )


def invalid_input_name(used: Collection[str], sent: Collection[str]) -> StatusError:
    return invalid_argument(
        f"Inputs contains invalid name. Used request inputs: {_join(used)}, "
        f"request input: {_join(sent)}"
    )


def tensor_parsing_error(alias: str, cause: object) -> StatusError:
    return invalid_argument(f"tensor parsing error: {alias}. {cause}")


def unknown_output(
    alias: str, outputs: Mapping[str, "protos.TensorInfo"]
) -> StatusError:
    return invalid_argument(
        f"output tensor alias not found in signature: {alias} "
        f"Outputs expected to be in the set {{{_join(outputs)}}}."
    )


def duplicate_output(alias: str) -> StatusError:
    return invalid_argument(f"duplicate output tensor alias: {alias}")


def no_metadata_field() -> StatusError:
    return invalid_argument(
        "GetModelMetadataRequest must specify at least one metadata_field"
    )


def unknown_metadata_field(name: str) -> StatusError:
    return invalid_argument(f"Metadata field {name} is not supported")


def did_not_become_available(what: str, causes: Mapping[str, object]) -> StatusError:
    """Models that were waited for in vain.

    Args:
        what: `servable` at start, `model` on a reload.
        causes: `{name: m version: 1}` to the error; an empty one is left out.
    """
    details = "".join(
        f"{{{name}{f' due to error: {cause}' if cause else ''}}}, "
        for name, cause in causes.items()
    )
    count = len(causes)
    return StatusError(
        Code.UNKNOWN, f"{count} {what}(s) did not become available: {{{details}}}"
    )


def shutting_down() -> StatusError:
    """For requests that come after SIGTERM on connections from before."""
    return StatusError(Code.UNAVAILABLE, "The server is shutting down; ask another.")


def malformed_request(method: str, target: str) -> StatusError:
    """A path that is none of the API's."""
    return invalid_argument(
        f"Malformed request: {method} {target}. Expected: POST "
        "/v1/models/NAME[/versions/N|/labels/L]:predict|classify|regress without a "
        "query string, or GET /v1/models/NAME[/versions/N|/labels/L][/metadata]."
    )
