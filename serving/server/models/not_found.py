"""Why a request finds nothing that could answer it."""

from serving.server import upstream_texts
from serving.server.models.model import ServedModel
from serving.server.status import Code, StatusError


def why_not_found(
    model: ServedModel | None, name: str, version: int | None, label: str
) -> StatusError:
    """Upstream's words, then the cause, if there is one worth telling.

    UNAVAILABLE instead of upstream's code while what is asked for still loads: upstream
    has no open port then, so clients wait.
    """
    if label:
        number = None if model is None else model.label_version(label)
        if number is None:
            return _unknown_label(model, label)
        version = number
    if model is None or model.is_dropped:
        return upstream_texts.servable_not_found(name, version)
    if version is not None and model.found is not None and version not in model.live:
        return upstream_texts.servable_not_found(name, version)
    detail, loading = _state_of(model, version)
    return upstream_texts.servable_not_found(name, version, detail, loading=loading)


def _unknown_label(model: ServedModel | None, label: str) -> StatusError:
    error = upstream_texts.unknown_label(label)
    waits_for = None if model is None else model.entry.labels.get(label)
    if model is None or model.is_dropped or waits_for is None:
        return error
    detail = f"{error.message}. It waits for version {waits_for} to become available."
    wanted = model.live.get(waits_for)
    loading = not model.is_settled and (wanted is None or wanted.is_loading)
    return StatusError(Code.UNAVAILABLE if loading else error.code, detail)


def _state_of(model: ServedModel, number: int | None) -> tuple[str, bool]:
    """Finds what to say of the version, or of the newest; and whether to wait."""
    version = model.newest if number is None else model.live.get(number)
    loading = not model.is_settled if version is None else version.is_loading
    if version is not None and version.error is not None:
        return f"Version {version.number} failed to load: {version.error}", loading
    if loading:
        return "It is still loading; try again.", True
    if version is None:
        return "There are no version directories.", False
    return "", False
