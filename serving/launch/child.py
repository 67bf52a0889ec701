"""Becomes another program that dies with its parent: `child.py PARENT SIGNAL COMMAND`.

Run as a file by `dying_with_us`, with an isolated interpreter; standard library only.
Linux ends the program for us; elsewhere it is started without that insurance.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1


def dying_with_us(
    command: Sequence[str], death_signal: signal.Signals = signal.SIGKILL
) -> list[str]:
    """Gives the command that starts `command` and ends it when this thread ends."""
    prefix = [sys.executable, "-I", __file__, str(os.getpid()), str(int(death_signal))]
    return [*prefix, *command]


def main() -> None:
    """Sets the death signal, then replaces this process."""
    parent, death_signal, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit("The parent died before its child could start.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
