"""A server's process: its own session, its parent's death signal, its end."""

import contextlib
import os
import pathlib
import signal
import subprocess
import threading
from concurrent import futures

from serving.launch import child
from serving.launch.engines import EngineCommand

CLEANUP_S = 10.0


def spawn(command: EngineCommand, log_path: pathlib.Path) -> subprocess.Popen[bytes]:
    """Starts the command in a session of its own, from a thread that outlives it.

    Linux sends the death signal when the *thread* that started a process ends, so the
    caller's thread, which may be short-lived, must not be the one.

    Raises:
        OSError: there is no such program, or no place for the log.
    """
    arguments = child.dying_with_us(command.arguments, command.death_signal)
    started: futures.Future[subprocess.Popen[bytes]] = futures.Future()

    def start_and_wait() -> None:
        try:
            with log_path.open("wb") as log:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            started.set_exception(error)
        else:
            started.set_result(process)
            process.wait()

    threading.Thread(target=start_and_wait, name="server-parent", daemon=True).start()
    return started.result()


def kill_group(process_id: int) -> None:
    """Ends what is left of the session that `spawn` opened."""
    # Everybody may have gone by themselves.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)


def clean_up(command: EngineCommand) -> None:
    """Removes a container that its command line tool may have left behind."""
    if command.cleanup:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                command.cleanup, capture_output=True, timeout=CLEANUP_S, check=False
            )
