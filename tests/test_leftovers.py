"""The guard: a test run that leaves something behind fails and names it."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.support.repository import ROOT

LEAVES = {
    "a file": "import tempfile; tempfile.mkdtemp(prefix='left-')",
    "a file of a child": (
        "import subprocess, sys; subprocess.check_call([sys.executable, '-c',"
        " 'import tempfile; tempfile.mkdtemp()'])"
    ),
    "a process": (
        "import subprocess; left = subprocess.Popen(['/bin/sleep', '1000']);"
        " left.returncode = 0"
    ),
    "a daemon": (
        # Not before it is what it will be: in between, a process shows no environment.
        "import subprocess; subprocess.check_call("
        "'exec setsid /bin/sleep 1000 > /dev/null 2>&1 & "
        "until grep -qa ^/bin/sleep /proc/$!/cmdline; do :; done', shell=True)"
    ),
    "a socket": "import socket; globals()['s'] = socket.create_server(('', 0))",
}
TOLD = {
    "a file": "file: ",
    "a file of a child": "temporary/tmp",
    "a process": "process: ",
    "a daemon": "/bin/sleep 1000",
    "a socket": "is listened on",
}


def run(folder: pathlib.Path, *options: str) -> tuple[int, str]:
    """Exit status and output of a pytest that runs what is in the folder."""
    plugins = ("-p", "tests.support.session.leftovers", "-p", "no:cacheprovider")
    asked = [str(folder), "--rootdir", str(folder), "-c", os.devnull]
    policy = ("-o", "tmp_path_retention_policy=failed")
    places = {"PYTHONPATH": str(ROOT), "LEFTOVERS_GRACE_S": "0.2"}
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *policy, *asked, *options],
        env={**os.environ, "TMPDIR": str(folder / "tmp"), **places},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "tmp").mkdir()
    return tmp_path


def write_test(folder: pathlib.Path, line: str) -> None:
    (folder / "test_it.py").write_text(f"def test_it(tmp_path):\n    {line}\n")


@pytest.mark.parametrize("what", LEAVES)
def test_a_run_that_leaves_something_fails_and_names_it(
    folder: pathlib.Path, what: str
) -> None:
    write_test(folder, LEAVES[what])
    status, output = run(folder)
    end_what_is_left(folder)
    assert (status, "1 passed" in output) == (1, True), output
    assert TOLD[what] in output


def test_a_worker_s_leftovers_fail_the_run(folder: pathlib.Path) -> None:
    write_test(folder, LEAVES["a file"])
    status, output = run(folder, "-n", "1")
    assert (status, "1 passed" in output) == (1, True), output
    assert "first seen after test_it.py::test_it" in output


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_a_run_that_tidies_up_passes_and_leaves_nothing(
    folder: pathlib.Path, options: tuple[str, ...]
) -> None:
    write_test(folder, "(tmp_path / 'file').touch()")
    status, output = run(folder, *options)
    assert status == 0, output
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"), [("__autograph_generated_file1.pyc", 0), ("ours.pyc", 1)]
)
def test_only_what_python_compiled_for_tensorflow_may_stay(
    folder: pathlib.Path, name: str, expected: int
) -> None:
    write_test(
        folder,
        "import pathlib, tempfile; there = pathlib.Path(tempfile.gettempdir());"
        " (there / '__pycache__').mkdir();"
        f" (there / '__pycache__' / {name!r}).touch()",
    )
    status, output = run(folder)
    assert status == expected, output


def test_of_a_failed_test_the_folder_stays_to_be_looked_at(
    folder: pathlib.Path,
) -> None:
    write_test(folder, "(tmp_path / 'file').touch(); assert False")
    status, _ = run(folder)
    assert status == 1
    assert [path.name for path in (folder / "tmp").rglob("file")] == ["file"]


def test_children_hear_ctrl_c_in_a_run_that_ignores_it(folder: pathlib.Path) -> None:
    child = "import signal; signal.raise_signal(signal.SIGINT)"
    write_test(
        folder,
        "import signal, subprocess, sys; signal.raise_signal(signal.SIGINT);"
        f" ended = subprocess.run([sys.executable, '-c', {child!r}],"
        " capture_output=True); assert b'KeyboardInterrupt' in ended.stderr",
    )
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        f"sys.path.insert(0, {str(ROOT)!r}); import pytest;"
        "sys.exit(pytest.main(sys.argv[1:]))"
    )
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            ignoring,
            "-p",
            "tests.support.session.leftovers",
            str(folder),
        ],
        env={**os.environ, "TMPDIR": str(folder / "tmp")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def end_what_is_left(folder: pathlib.Path) -> None:
    """Kills what the inner run has left, or the outer run would fail for it."""
    for place in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            environment = (place / "environ").read_bytes()
        except OSError:  # It has ended since, or is another user's.
            continue
        if os.fsencode(folder / "tmp") in environment:
            os.kill(int(place.name), 9)
