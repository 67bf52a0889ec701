"""The bearer token of a request: a string, a file that changes, or a function."""

from __future__ import annotations

import os
import pathlib
import re

from .config import ClientConfig
from .errors import UnauthenticatedError

# Visible ASCII; anything else would break, or add to, the headers.
_TOKEN = re.compile(r"[\x21-\x7e]+")


class BearerToken:
    """The value of the `authorization` header, asked for with every request."""

    def __init__(self, config: ClientConfig) -> None:
        self._endpoint = config.endpoint
        token = config.token
        self._read = (lambda: token) if isinstance(token, str) else token
        if config.token_path is not None:
            self._read = _TokenFile(config.token_path).read

    def header(self) -> str | None:
        """Gives `Bearer ...`, or None when no token was set.

        Raises:
            UnauthenticatedError: the token's file cannot be read, or the token is empty
                or cannot stand in a header.
        """
        if self._read is None:
            return None
        try:
            token = self._read()
        except OSError as error:
            raise UnauthenticatedError(self._endpoint, f"no token: {error}") from None
        if not isinstance(token, str):
            kind = type(token).__name__
            detail = f"the function for the token gave a {kind} instead of a str"
            raise UnauthenticatedError(self._endpoint, detail)
        token = token.strip()
        if not _TOKEN.fullmatch(token):
            raise UnauthenticatedError(
                self._endpoint,
                f"the bearer token ({len(token)} characters) is empty or holds blanks "
                "or characters beyond ASCII; it was not sent",
            )
        return f"Bearer {token}"


class _TokenFile:
    """Its content, read again when it has changed: Kubernetes renews tokens hourly."""

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        self._known: tuple[tuple[int, ...], str] | None = None

    def read(self) -> str:
        stat = os.stat(self._path)
        state = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        known = self._known
        if known is None or known[0] != state:
            # An error of decoding would hold the token.
            content = self._path.read_text("utf-8", errors="replace")
            known = self._known = (state, content)
        return known[1]
