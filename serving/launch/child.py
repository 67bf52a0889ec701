"""Becomes another program that dies with its parent: `child.py PARENT SIGNAL COMMAND`.

Run as a file by `serving.launch`, with an isolated interpreter; standard library only.
Linux ends the program for us; elsewhere it is started without that insurance.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Sets the death signal, then replaces this process."""
    parent, death_signal, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            sys.exit("The parent died before the server could start.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
