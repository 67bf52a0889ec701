"""`python -m serving.server`: tensorflow_model_server in Python."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from serving.server.signals import Signals

if TYPE_CHECKING:
    from serving.server.models.swapping import Loader


def main(arguments: Sequence[str] | None = None, loader: "Loader | None" = None) -> int:
    """Runs a server until SIGTERM or SIGINT and returns the exit status."""
    signals = Signals()
    # Before the imports, which take a second: process 1 of a container is not ended by
    # a signal that it does not listen to, and would stay until SIGKILL.
    signals.listen()
    from serving.server.command_line import run

    return run(sys.argv[1:] if arguments is None else arguments, loader, signals)


def _forget_working_directory() -> None:
    """Undoes what `-m` did: a user's `model.py` is not ours, but in the repository."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    if not sys.flags.safe_path and os.path.abspath(sys.path[0]) != root:
        del sys.path[0]


if __name__ == "__main__":
    _forget_working_directory()
    ended = main()
    logging.shutdown()
    sys.stdout.flush()
    # At once: an ordinary exit waits for every thread, also for one whose run hangs.
    os._exit(ended)
