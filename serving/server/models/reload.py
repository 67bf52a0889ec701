"""HandleReloadConfigRequest: what is refused, and how long it is waited for.

As ServerCore::ReloadConfig does it.
"""

from collections.abc import Mapping, Sequence

from google.protobuf.message import Message

from serving.server import upstream_texts
from serving.server.models.config import ModelEntry, entries_of
from serving.server.models.model import ServedModel
from serving.server.models.swapping import Lifecycle
from serving.server.status import invalid_argument


def requested_entries(
    config: Message, serving: Mapping[str, ModelEntry]
) -> list[ModelEntry]:
    """Reads a ModelServerConfig message.

    Args:
        config: the message.
        serving: the models that are configured so far.

    Raises:
        StatusError: a configuration that cannot be.
    """
    if config.WhichOneof("config") != "model_config_list":
        raise invalid_argument(
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        )
    try:
        return entries_of(config, serving)
    except ValueError as error:
        raise invalid_argument(str(error)) from None


def new_models(lifecycle: Lifecycle, entries: Sequence[ModelEntry]) -> list[str]:
    """Names the models that are new; call it with the lifecycle's lock held.

    Raises:
        StatusError: FAILED_PRECONDITION, a label's version cannot answer.
    """
    allowed = lifecycle.config.allow_labels_for_unavailable
    new: list[str] = []
    for entry in entries:
        model = lifecycle.models.get(entry.name) or ServedModel(entry)
        model.check_labels(entry, allow_unavailable=allowed)
        if entry.name not in lifecycle.models or model.is_dropped:
            new.append(entry.name)
    return new


def wait_for(lifecycle: Lifecycle, new: Sequence[str], deadline_s: float) -> None:
    """Returns when every new model answers.

    Upstream waits without a limit, for ever if there is no base path.

    Raises:
        StatusError: UNKNOWN, one failed for good or the time is over.
    """
    with lifecycle.changed:
        waited = {name: lifecycle.models.get(name) for name in new}
        lifecycle.changed.wait_for(
            lambda: all(_is_over(lifecycle, model) for model in waited.values()),
            deadline_s,
        )
        causes = dict(
            _cause(name, model)
            for name, model in waited.items()
            if not lifecycle.answers(name)
        )
    if causes:
        raise upstream_texts.did_not_become_available("model", causes)


def _is_over(lifecycle: Lifecycle, model: ServedModel | None) -> bool:
    if model is None or model.is_dropped or lifecycle.is_closing:
        return True
    return lifecycle.answers(model.entry.name) or model.failure is not None


def _cause(name: str, model: ServedModel | None) -> tuple[str, str]:
    """Says what upstream calls the version, and why it does not answer."""
    if model is None or model.is_dropped:
        return f"{{name: {name}}}", "another configuration came"
    version = model.failure or model.newest
    if version is None:
        path = model.entry.base_path
        return f"{{name: {name}}}", f"no version directories under {path} in time"
    error = version.error or "it was still loading when the wait was over"
    return str(version), str(error)
