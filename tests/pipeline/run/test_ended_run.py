"""A `ktp run` that is ended from outside, by any signal, and the one after it.

The nodes are replaced by one that writes something temporary and waits.
"""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import LONG_S, wait_until
from tests.support.repository import ROOT

WAITS = """
import sys, tempfile, time
from pathlib import Path
from pipeline import cli
from pipeline.run import execute
def wait(*_):
    Path(tempfile.mkdtemp(), "half").touch()
    time.sleep(1000)
execute._run_nodes = wait
cli.main(sys.argv[1:])
"""


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """An output folder to be, beside the data and an empty temporary folder."""
    rows = [f"{word} number {n},{word}" for n in range(60) for word in ("red", "blue")]
    (tmp_path / "colours.csv").write_text("\n".join(["text,label", *rows]))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "out"


@contextlib.contextmanager
def run(output: Path) -> Iterator[subprocess.Popen[str]]:
    """A run that is at work in its node; killed at the end of the block."""
    data, temporary = output.parent / "colours.csv", output.parent / "tmp"
    words = ["run", "--data", str(data), "--output", str(output), "--preset", "tiny"]
    before = _half(output)
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS, *words],
        env={**os.environ, "TMPDIR": str(temporary)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_until(lambda: process.poll() or _half(output) - before, "work")
        yield process
    finally:
        process.kill()
        process.communicate()


def _half(output: Path) -> set[Path]:
    return set(output.glob(".ktp-temporary/*/half"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_ended_run_says_so_and_leaves_nothing_temporary(
    output: Path, number: signal.Signals
) -> None:
    with run(output) as process:
        process.send_signal(number)
        told, _ = process.communicate(timeout=LONG_S)
    assert (process.returncode, "Interrupted." in told) == (128 + number, True), told
    assert {path.name for path in output.iterdir()} == {".lock", "logs"}
    assert list((output.parent / "tmp").iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next(output: Path) -> None:
    with run(output):
        pass
    (left,) = _half(output)
    with run(output) as following:
        assert not left.exists()
        following.terminate()
        following.communicate(timeout=LONG_S)
    assert {path.name for path in output.iterdir()} == {".lock", "logs"}
    assert list((output.parent / "tmp").iterdir()) == []
