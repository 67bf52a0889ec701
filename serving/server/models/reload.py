"""HandleReloadConfigRequest: what is refused, and how long it is waited for."""

from collections.abc import Mapping
from typing import Any

from serving.server import upstream_texts
from serving.server.models import labels
from serving.server.models.config import ModelEntry, entries_of
from serving.server.models.lifecycle import Lifecycle, label_of
from serving.server.models.model import ServedModel
from serving.server.status import invalid_argument


class Reload:
    """One request, as ServerCore::ReloadConfig treats it."""

    def __init__(self, config: Any, serving: Mapping[str, ModelEntry]) -> None:
        """Raises `StatusError` for a configuration that cannot be.

        Args:
            config: a ModelServerConfig message.
            serving: the models that are configured so far.
        """
        if config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        self.entries = entries_of(config, serving)

    def check(self, lifecycle: Lifecycle) -> list[str]:
        """The models that are new; call it with the lifecycle's lock held.

        Raises:
            StatusError: FAILED_PRECONDITION, a label's version cannot answer.
        """
        allowed = lifecycle.config.allow_labels_for_unavailable
        new: list[str] = []
        for entry in self.entries:
            model = lifecycle.models.get(entry.name)
            if model is None or model.is_dropped:
                new.append(entry.name)
                labels.check(
                    *(entry.name, {}, entry.labels, ()), allow_unavailable=allowed
                )
            else:
                model.check_labels(entry, allow_unavailable=allowed)
        return new

    def wait(self, lifecycle: Lifecycle, new: list[str], deadline_s: float) -> None:
        """Returns when every new model answers.

        Upstream waits without a limit, for ever if there is no base path.

        Raises:
            StatusError: UNKNOWN, one failed for good or the time is over.
        """
        with lifecycle.changed:
            waited = {name: lifecycle.models.get(name) for name in new}
            lifecycle.changed.wait_for(
                lambda: all(_is_over(lifecycle, m) for m in waited.values()),
                deadline_s,
            )
            routes = lifecycle.routes
            causes = dict(
                _cause(name, model)
                for name, model in waited.items()
                if name not in routes or routes[name].latest is None
            )
        if causes:
            raise upstream_texts.did_not_become_available("model", causes)


def _is_over(lifecycle: Lifecycle, model: ServedModel | None) -> bool:
    if model is None or model.is_dropped or lifecycle.is_closing:
        return True
    route = lifecycle.routes.get(model.entry.name)
    is_available = route is not None and route.latest is not None
    return is_available or model.failure is not None


def _cause(name: str, model: ServedModel | None) -> tuple[str, str]:
    """What upstream calls the version, and why it does not answer."""
    if model is None or model.is_dropped:
        return f"{{name: {name}}}", "another configuration came"
    version = model.failure or model.newest
    if version is None:
        path = model.entry.base_path
        return f"{{name: {name}}}", f"no version directories under {path} in time"
    error = version.error or "it was still loading when the wait was over"
    return label_of(version), str(error)
