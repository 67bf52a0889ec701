"""What sends one request, and how it says that no answer came."""

from typing import Protocol


class SendError(Exception):
    """No answer, or one that says no. `kind` groups, `detail` explains one case."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class Sender(Protocol):
    """A way to a server, with its requests made ready; used from one event loop."""

    async def send(self, number: int) -> bytes:
        """The answer to request `number`, unread; numbers go round.

        Raises:
            SendError: anything else than a good answer.
        """

    def check(self, answer: bytes) -> None:
        """Raises `ValueError` for an answer that does not fit its question."""

    async def close(self) -> None:
        """Gives back the connections."""
