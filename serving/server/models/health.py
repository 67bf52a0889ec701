"""Is the server ready? One answer for gRPC's health check and for /readyz."""

import enum

from serving.client import protos
from serving.server.models.manager import ModelManager
from serving.server.status import Code, StatusError


class ServingStatus(enum.IntEnum):
    """The numbers of grpc.health.v1."""

    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


class Health:
    """Ready when every configured model can answer, and the server is not stopping.

    Services: "" and the two TF Serving ones for all models, a model's name for one.

    Attributes:
        has_started: the models have been loaded once, and the ports are open.
        is_stopping: the server is not ready any more, whatever the models are.
    """

    def __init__(self, manager: ModelManager) -> None:
        self.has_started = False
        self._manager = manager
        self.is_stopping = False

    def unready_models(self) -> list[str]:
        """Lists the models that cannot answer now."""
        return self._manager.unready_models()

    def why_unready(self, name: str) -> str:
        """Says why a model cannot answer now."""
        return self._manager.why_unready(name)

    @property
    def is_ready(self) -> bool:
        """True when requests for every configured model will be answered."""
        return not self.is_stopping and not self.unready_models()

    def check(self, service: str) -> ServingStatus:
        """Answers as grpc.health.v1 does.

        Raises:
            StatusError: NOT_FOUND, no service or model of that name.
        """
        if service in ("", *_short_and_full_names()):
            is_ready = self.is_ready
        elif service in self._manager.entries:
            is_ready = service not in self.unready_models() and not self.is_stopping
        else:
            raise StatusError(Code.NOT_FOUND, f"unknown service {service}")
        return ServingStatus.SERVING if is_ready else ServingStatus.NOT_SERVING

    def watch(self, service: str) -> ServingStatus:
        """Answers as `check` does; an unknown service may come to be later."""
        try:
            return self.check(service)
        except StatusError:
            return ServingStatus.SERVICE_UNKNOWN


def _short_and_full_names() -> list[str]:
    full = [protos.PREDICTION_SERVICE, protos.MODEL_SERVICE]
    return full + [name.rpartition(".")[2] for name in full]
