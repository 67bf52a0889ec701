"""`/healthz`: is the server alive? `/readyz`: can every configured model answer?"""

from serving.server.json_format.exact_parser import JsonObject
from serving.server.models.health import Health
from serving.server.rest_api.exchange import (
    Answer,
    Request,
    json_answer,
    not_found_page,
)

_ALIVE, _READY = "/healthz", "/readyz"


def is_probe(method: str, target: str) -> bool:
    """Returns True for what needs no token: is the server alive, is it ready?"""
    return target in (_ALIVE, _READY) and method in ("GET", "HEAD")


def probe_answer(health: Health, target: str, *, with_causes: bool = False) -> Answer:
    """Answers a probe; `with_causes` tells of each model why it cannot answer."""
    if target == _ALIVE:
        return json_answer({"status": "alive"})
    if health.is_ready:
        return json_answer({"status": "ready"})
    waiting = health.unready_models()
    state = "stopping" if health.is_stopping else "loading"
    content: JsonObject = {"status": state, "models_not_ready": [*waiting]}
    if with_causes:
        content["causes"] = {name: health.why_unready(name) for name in waiting}
    return json_answer(content, status=503)


class ProbeApi:
    """Answers the probes and nothing else, on a port of its own."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def answer(self, request: Request) -> Answer:
        """Answers as the REST port does, and says what keeps models from answering."""
        if not is_probe(request.method, request.target):
            return not_found_page()
        return probe_answer(self._health, request.target, with_causes=True)
