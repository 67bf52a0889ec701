"""What `make test-debian13` asks for, keeps and leaves; debootstrap itself is Debian's.

The tests that enter a root make one of `/bin/sh` and its two libraries.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from scripts import debian13
from scripts.debian13 import HOME, STAMP, Debian13Error
from tests.support.patience import LONG_S, wait_until
from tests.support.repository import ROOT

LACKING = [
    what for what in debian13.missing(pathlib.Path("/")) if "debootstrap" not in what
]
enters = pytest.mark.skipif(bool(LACKING), reason="; ".join(LACKING))


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A root in which `/bin/sh` runs, and nothing else."""
    root = tmp_path / "debian 13"
    shell = os.path.realpath("/bin/sh")
    libraries = re.findall(r"/\S+", _output(["ldd", shell]))
    for name in (shell, *libraries):
        place = root / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(name), place)
    (root / "bin").mkdir(exist_ok=True)
    if not (root / "bin" / "sh").exists():
        shutil.copy(shell, root / "bin" / "sh")
    for folder in ("proc", "sys", "dev", "etc", HOME):
        (root / folder).mkdir(parents=True)
    (root / STAMP).touch()
    return root


def _output(command: list[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_what_a_machine_lacks_is_named_with_its_package(
    tmp_path: pathlib.Path,
) -> None:
    lacking = debian13.missing(tmp_path, user_id=1, path="/nowhere")
    assert lacking == [
        debian13.NO_ROOT_USER,
        "there is no debootstrap: install the package debootstrap",
        "there is no unshare: install the package util-linux",
        "there is no chroot: install the package coreutils",
        "there is no git: install the package git",
    ]


def test_an_unreachable_mirror_is_named_before_anything_is_made(
    tmp_path: pathlib.Path,
) -> None:
    with pytest.raises(Debian13Error, match=r"file:///nowhere/dists/trixie.*MIRROR"):
        debian13.make_root(tmp_path / "root", "file:///nowhere")
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_is_not_touched(tmp_path: pathlib.Path) -> None:
    (tmp_path / "letter").write_text("dear")
    with pytest.raises(Debian13Error, match=r"exists and was not made by"):
        debian13.make_root(tmp_path, "file:///nowhere")
    assert (tmp_path / "letter").read_text() == "dear"


def test_a_root_that_is_there_is_kept(root: pathlib.Path) -> None:
    files = sorted(root.rglob("*"))
    debian13.make_root(root, "file:///nowhere")
    assert sorted(root.rglob("*")) == files


@pytest.fixture
def mirror(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mirror with its first file, for a debootstrap that fails while there is /no."""
    release = tmp_path / "mirror" / "dists" / "trixie" / "Release"
    release.parent.mkdir(parents=True)
    release.touch()
    tools = tmp_path / "tools"
    tools.mkdir()
    made = f'for at; do case "$at" in {tmp_path}/*) mkdir -p "$at/etc";; esac; done'
    for name, script in (
        ("debootstrap", f"{made}; ! [ -e {tmp_path}/no ]"),
        ("chroot", "exit 0"),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{debian13.SEARCH_PATH}")
    return f"file://{tmp_path}/mirror"


@enters
def test_a_root_that_stayed_half_made_is_made_anew(
    mirror: str, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "no").touch()
    with pytest.raises(Debian13Error, match="debootstrap failed with exit code 1"):
        debian13.make_root(tmp_path / "root", mirror)
    (tmp_path / "root.making" / "half").touch()
    (tmp_path / "no").unlink()
    debian13.make_root(tmp_path / "root", mirror)
    assert (tmp_path / "root" / STAMP).exists()
    assert not (tmp_path / "root" / "half").exists()
    assert not (tmp_path / "root.making").exists()


def test_debootstrap_takes_only_what_is_signed() -> None:
    command = debian13.debootstrap(pathlib.Path("/there"), "http://mirror")
    assert "--force-check-gpg" in command
    assert command[command.index("trixie") :][:3] == [
        "trixie",
        "/there",
        "http://mirror",
    ]


def test_the_repository_names_no_mirror_but_debians() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"DEBIAN_MIRROR ?= {debian13.MIRROR}\n" in makefile
    assert debian13.MIRROR == "http://deb.debian.org/debian"


def test_index_settings_come_along_and_nothing_else() -> None:
    environ = {"PIP_INDEX_URL": "https://a", "VIRTUAL_ENV": "/b", "AWS_SECRET": "c"}
    inside = debian13.environment(environ)
    assert inside.pop("PIP_INDEX_URL") == "https://a"
    assert sorted(inside) == ["HOME", "LANG", "PATH", "TERM", "USER"]


def test_pip_settings_of_the_one_who_calls_are_shown_to_the_user(
    tmp_path: pathlib.Path,
) -> None:
    config = tmp_path / ".config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.touch()
    files = debian13.settings_files({"HOME": str(tmp_path)})
    assert files["/etc/pip.conf"] == str(config)


def test_a_second_run_in_the_same_root_is_refused(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "root"
    first, second = debian13.alone(folder), debian13.alone(folder)
    with first, pytest.raises(Debian13Error, match="works in"), second:
        pytest.fail("both are in")


def test_the_clone_is_head_without_what_is_not_committed(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    repository = tmp_path / "repository"
    git = ("git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=b")
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    (repository / "new").write_text("1")
    subprocess.run([*git, "add", "new"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "First"], check=True)
    (repository / "new").write_text("2")
    for _ in range(2):  # The second takes the place of the first.
        assert debian13.clone(root, repository).endswith(" First")
        assert (root / debian13.CHECKOUT / "new").read_text() == "1"


@enters
def test_the_root_sees_what_is_shown_and_leaves_no_mount(
    root: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shown = tmp_path / "pip.conf"
    shown.write_text("kept outside\n")
    script = f'read line < /etc/pip.conf; echo "$line" > /{HOME}/seen; exit 7'
    command = debian13.entering(root, script, {"/etc/pip.conf": str(shown)})
    assert debian13.supervise(command) == 7
    assert (root / HOME / "seen").read_text() == "kept outside\n"
    assert (root / "etc" / "pip.conf").read_text() == ""
    assert debian13.mounts_below(root) == []


@enters
@pytest.mark.parametrize(
    ("ends", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
@pytest.mark.parametrize("trap", ["", "trap '' INT TERM; "])
def test_an_ended_run_leaves_no_mount_and_no_process(
    root: pathlib.Path, ends: signal.Signals, code: int, trap: str
) -> None:
    script = f"{trap}: > ../started; while :; do :; done"
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, f"--root={root}", f"--run={script}"],
        cwd=ROOT,
        start_new_session=True,
    )
    started = root / HOME / "started"
    wait_until(lambda: started.exists() or process.poll() is not None)
    os.killpg(process.pid, ends)
    assert process.wait(LONG_S) == code
    assert debian13.mounts_below(root) == []
    assert not [args for args in _command_lines() if str(root) in args]


def _command_lines() -> Iterator[str]:
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # It has ended since.
            yield path.read_text(errors="replace")


# As on the terminal, also where tests run in the background; and without patience.
_MAIN = """
import os, signal, sys
from scripts import debian13
signal.signal(signal.SIGINT, signal.default_int_handler)
debian13.GRACE_S = 0.1
sys.exit(debian13.main(sys.argv[1:], os.environ))
"""
