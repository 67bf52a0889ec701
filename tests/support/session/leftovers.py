"""A pytest plugin: a test run leaves no file, process or socket behind, or it fails.

Whatever the tests and their children write into the temporary folder goes to one of
this session, below pytest's own, which keeps nothing of tests that pass. At the end it
must be empty, no process may be left that was started in it, and nobody may listen.
Every worker of pytest-xdist looks after itself and tells the others' controller.
"""

import contextlib
import os
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.repository import ROOT

# A killed process is gone a moment after its parent; on a busy machine a long one.
_GRACE_S = float(os.environ.get("LEFTOVERS_GRACE_S", "20"))
# What tools keep on purpose, some of which may run at the same time.
_CACHES = {".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
_CACHES |= {"__pycache__", "runs"}
# TensorFlow removes its own at the very end of the process.
_GOES_LATER = "__autograph_generated_file"
_LISTENING = "0A"
_TOLD = "leftovers"


class Session:
    """What this process started with, and when something new was first seen."""

    def __init__(self, base_dir: Path) -> None:
        self.base_dir = base_dir
        self.temporary_dir = base_dir / "temporary"
        self.temporary_dir.mkdir()
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary_dir)
        # Keras makes a folder at home when it is imported.
        os.environ["KERAS_HOME"] = str(base_dir / "keras")
        self._repository = set(_entries(ROOT))
        self._sockets = set(_listening())
        self._first_seen: dict[str, str] = {}

    def look(self, test: str) -> None:
        """Notes after which test a file was there first."""
        for name in _entries(self.temporary_dir):
            self._first_seen.setdefault(name, test)

    def leftovers(self) -> list[str]:
        """Says what is left, once it had its time to go."""
        deadline_s = time.monotonic() + _GRACE_S
        while (left := list(self._leftovers())) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        return left

    def _leftovers(self) -> Iterator[str]:
        for name in _entries(self.temporary_dir):
            if name.startswith(_GOES_LATER) or self._is_of_tensorflow(name):
                continue
            test = self._first_seen.get(name, "the last test")
            yield f"file: {self.temporary_dir / name} (first seen after {test})"
        for name in set(_entries(ROOT)) - self._repository - _CACHES:
            yield f"file: {ROOT / name}"
        for process_id, command in _processes(str(self.base_dir)):
            yield f"process: {process_id} {command}"
        for inode in set(_listening()) - self._sockets:
            yield f"socket: {_listening()[inode]} is listened on"

    def _is_of_tensorflow(self, name: str) -> bool:
        """True for what Python compiled of AutoGraph's files, which it leaves there."""
        compiled = _entries(self.temporary_dir / name) if name == "__pycache__" else []
        return bool(compiled) and all(each.startswith(_GOES_LATER) for each in compiled)


def _entries(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def _processes(started_in: str) -> Iterator[tuple[int, str]]:
    """Finds the processes with this folder in their environment or command."""
    for folder in Path("/proc").glob("[0-9]*"):
        process_id = int(folder.name)
        # It may have ended since, or be another user's.
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
            is_ours = os.fsencode(started_in) + b"/" in command + environment
            # Ends with us, when the last pipe to it is closed.
            is_tracker = b"resource_tracker" in command
            if process_id != os.getpid() and is_ours and not is_tracker:
                yield process_id, command.replace(b"\0", b" ").decode(errors="replace")


def _listening() -> dict[str, str]:
    """Finds what this process listens on: inode -> address."""
    mine = set()
    for link in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(link.stat().st_mode):
                mine.add(str(link.stat().st_ino))
    found = {}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/self/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and fields[9] in mine:
                found[fields[9]] = f"port {int(fields[1].rsplit(':')[-1], 16)}"
    return found


_SESSION = pytest.StashKey[Session]()
_FOUND = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Lets children hear Ctrl-C although this run ignores it, as behind `&` in CI.

    And the terminal's end, as under nohup. What is ignored stays so in every program
    that is started; a handler does not.
    """
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    config.stash[_FOUND] = []


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if not _is_controller(config):
        base_dir = config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        config.stash[_SESSION] = Session(base_dir)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    if known := item.config.stash.get(_SESSION, None):
        known.look(item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    known = config.stash.get(_SESSION, None)
    if known and session.exitstatus != pytest.ExitCode.INTERRUPTED:
        config.stash[_FOUND] += known.leftovers()
    if hasattr(config, "workeroutput"):
        config.workeroutput[_TOLD] = config.stash[_FOUND]
    elif config.stash[_FOUND] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """Takes over what a worker found; one that crashed has told nothing."""
    del error
    told = getattr(node, "workeroutput", {}).get(_TOLD, [])
    node.config.stash[_FOUND] += told  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes pytest's own folder, where no failed test left anything in it."""
    if not hasattr(config, "workerinput"):
        folder = config._tmp_path_factory._basetemp  # type: ignore[attr-defined]
        # Not empty, or others have just removed it.
        with contextlib.suppress(OSError):
            if folder is not None:
                folder.parent.rmdir()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if found := config.stash[_FOUND]:
        terminalreporter.section("left behind by this test run", red=True)
        for line in found:
            terminalreporter.line(line)


def _is_controller(config: pytest.Config) -> bool:
    return bool(config.getoption("numprocesses", None))
