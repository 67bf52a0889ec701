"""What we start ends with us, even if nobody can tidy up any more."""

import os
import pathlib
import subprocess
import sys

from tests.support.patience import wait_until
from tests.support.repository import ROOT

PARENT = """
import subprocess, sys
from serving.launch.child import dying_with_us
child = subprocess.Popen(dying_with_us(["/bin/sh", "-c", "echo $$; exec sleep 1000"]))
child.wait()
"""


def test_a_child_of_a_killed_process_ends() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until(lambda: not _is_running(child), "the child's end")
    parent.stdout.close()


def _is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
        state = pathlib.Path(f"/proc/{process_id}/stat").read_text().rsplit(")", 1)[1]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state.split()[0] != "Z"  # A zombie is dead; here nobody reaps it.
