"""Asks a server on this machine how far its models are, over REST.

Every engine answers there, with or without a health check, and a certificate for
another host name does not matter: it is we who started the server.
"""

import contextlib
import dataclasses
import http.client
import json
import pathlib
import ssl
from typing import Any

from serving.client.wire.tf_serving_names import AUTHORIZATION_KEY, MODELS_PATH
from serving.launch.settings import EngineSettings

TIMEOUT_S = 2.0


@dataclasses.dataclass(frozen=True)
class ModelState:
    """How far one model is; `text` says it in words."""

    text: str
    is_available: bool = False
    error: str | None = None

    @property
    def is_settled(self) -> bool:
        """True when waiting changes nothing: it is there, or has failed for good."""
        return self.is_available or self.error is not None


class StatusProbe:
    """Asks `/v1/models/NAME` of one server."""

    def __init__(self, settings: EngineSettings) -> None:
        self._port = settings.flags.rest_api_port
        self._context = _unchecked_context(settings)
        token = first_token(settings.flags.bearer_token_file)
        self._headers = {AUTHORIZATION_KEY: f"Bearer {token}"} if token else {}

    def ask(self, name: str) -> ModelState:
        """Asks for the state of a model; never raises while the server is not up."""
        try:
            return _state(*self._get(f"{MODELS_PATH}/{name}"))
        except ssl.SSLError as error:
            if error.reason == "WRONG_VERSION_NUMBER":
                # TF Serving encrypts gRPC alone.
                self._context = None
                return self.ask(name)
            if error.reason and "CERTIFICATE_REQUIRED" in error.reason:
                text = "started; it wants a client's certificate, so it was not asked"
                return ModelState(text, is_available=True)
            return ModelState(f"TLS failed: {error}")
        except (OSError, http.client.HTTPException) as error:
            return ModelState(f"nothing answers yet ({type(error).__name__})")

    def _get(self, path: str) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection
        if self._context is None:
            connection = http.client.HTTPConnection(
                "localhost", self._port, timeout=TIMEOUT_S
            )
        else:
            connection = http.client.HTTPSConnection(
                "localhost", self._port, timeout=TIMEOUT_S, context=self._context
            )
        with contextlib.closing(connection):
            connection.request("GET", path, headers=self._headers)
            answer = connection.getresponse()
            return answer.status, answer.read()


def _state(code: int, body: bytes) -> ModelState:
    try:
        answer = json.loads(body)
        if "error" in answer:
            return ModelState(f"answers {code}: {answer['error']}")
        # The embedded server says with 503 that a model loads for the first time.
        return _of_versions(answer["model_version_status"])
    except (ValueError, KeyError, TypeError):
        return ModelState(f"answers {code}: {body[:200]!r}")


def _of_versions(versions: list[dict[str, Any]]) -> ModelState:
    states = [each["state"] for each in versions]
    text = ", ".join(f"version {each['version']} {each['state']}" for each in versions)
    if "AVAILABLE" in states:
        return ModelState(text, is_available=True)
    errors = [each["status"].get("error_message", "") for each in versions]
    if versions and set(states) == {"END"} and any(errors):
        return ModelState(text, error=next(filter(None, errors)))
    return ModelState(text or "no version yet")


def _unchecked_context(settings: EngineSettings) -> ssl.SSLContext | None:
    if settings.tls is None and not settings.flags.ssl_config_file:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if settings.tls is not None:
        # The best we have to show to a server that asks for its clients' certificates.
        context.load_cert_chain(settings.tls.certificate_path, settings.tls.key_path)
    return context


def first_token(path: str) -> str | None:
    """Reads a token that the server takes out of its file; None without one."""
    if not path:
        return None
    lines = pathlib.Path(path).read_text("utf-8").splitlines()
    tokens = (line.partition("#")[0].strip() for line in lines)
    return next(filter(None, tokens), None)
