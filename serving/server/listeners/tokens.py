"""Bearer tokens: who may ask, on both ports."""

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable

from serving.server.listeners.watched_file import WatchedFile
from serving.server.status import Code, StatusError, invalid_argument

log = logging.getLogger(__name__)

_OPEN_SERVICE = "/grpc.health.v1.Health/"
# RFC 6750; anything else could not be sent in a header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SHORT_CHARS = 16


class TokenGuard:
    """The tokens of a file, one a line; `#` begins a comment.

    A file that changes is read again. When the new one is bad, the tokens stay as
    they were and the log says why.
    """

    def __init__(
        self, path: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises `StatusError` for a file that cannot be read or holds no token."""
        self._file = WatchedFile(path, clock=clock)
        self._digests = self._read()

    def check(self, authorization: str | None) -> None:
        """Lets `Bearer <one of the tokens>` pass.

        Raises:
            StatusError: UNAUTHENTICATED.
        """
        if self._file.has_changed():
            self._reload()
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated(
                "A bearer token is required: send 'authorization: Bearer <token>'."
            )
        sent = _digest(token.strip())
        # All of them, so that the time taken says nothing about which was near.
        matches = [hmac.compare_digest(sent, known) for known in self._digests]
        if not any(matches):
            raise _unauthenticated("The bearer token is not one of this server's.")

    @staticmethod
    def guards_method(full_method: str) -> bool:
        """Whether a gRPC call (`/package.Service/Method`) needs a token."""
        return not full_method.startswith(_OPEN_SERVICE)

    def _reload(self) -> None:
        try:
            self._digests = self._read()
        except StatusError as error:
            log.error("Kept the bearer tokens as they are: %s", error.message)
        else:
            log.info("Read the bearer tokens again: %d.", len(self._digests))

    def _read(self) -> tuple[bytes, ...]:
        path = self._file.path
        try:
            lines = self._file.read().splitlines()
            exposure = self._file.exposure()
        except (OSError, UnicodeDecodeError) as error:
            raise invalid_argument(
                f"Cannot read bearer_token_file {path}: {error}"
            ) from None
        if exposure:
            log.warning("%s holds bearer tokens, and %s.", path, exposure)
        tokens = list(_tokens(lines, path))
        if not tokens:
            raise invalid_argument(
                f"bearer_token_file {path} holds no token; write one a line."
            )
        return tuple(_digest(token) for token in tokens)


def _tokens(lines: list[str], path: str) -> list[str]:
    tokens = []
    for number, line in enumerate(lines, 1):
        token = line.partition("#")[0].strip()
        if not token:
            continue
        if not _TOKEN.fullmatch(token):
            # The line is not quoted: it may be a secret that was only mistyped.
            raise invalid_argument(
                f"bearer_token_file {path}, line {number}: a token consists of "
                "letters, digits and . _ ~ + / - with = at its end only."
            )
        if len(token) < _SHORT_CHARS:
            log.warning(
                "%s, line %d: the token is short enough to guess.", path, number
            )
        tokens.append(token)
    return tokens


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _unauthenticated(message: str) -> StatusError:
    return StatusError(Code.UNAUTHENTICATED, message)
