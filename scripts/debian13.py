"""Runs the README's commands on Debian 13, in a root of its own: `make test-debian13`.

    python -m scripts.debian13 [--root DIR] [--mirror URL] [--run COMMAND] …

debootstrap makes the root once, from Debian's own packages and with what a new user
has: Python 3.13, git, make. Each run clones HEAD into it and works there as that user.
Every mount and every process of a run is in namespaces of its own, so the kernel
removes them with the run, however it ends. Standard library only.
"""

import argparse
import contextlib
import fcntl
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "ca-certificates,git,make,python3,python3-venv"
COMMANDS = ("make demo", "make test")
# Relative to the root. The stamp is written last: without it nothing is a root of ours.
STAMP = pathlib.Path("etc/keras-transformer-debian13")
HOME = pathlib.Path("home/user")
CHECKOUT = HOME / "keras-transformer"
# What is called, and the package of each.
TOOLS = {
    "debootstrap": "debootstrap",
    "unshare": "util-linux",
    "chroot": "coreutils",
    "git": "git",
}
NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
# From Ctrl-C until what still runs is killed.
GRACE_S = 10

# How this machine reaches the package index holds in there, too.
PASSED_ON = (
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("PIP_TRUSTED_HOST", "PIP_CERT", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES"),
    *("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    *("UV_FIND_LINKS", "UV_NO_INDEX", "UV_INDEX_STRATEGY", "UV_INSECURE_HOST"),
    *("UV_NATIVE_TLS", "UV_HTTP_TIMEOUT"),
    *("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Each with its place in the root. All are the system's there, none the user's, whose
# folders are his own; what stands further down wins, here as there.
SETTINGS_FILES = (
    ("/etc/hosts", "/etc/hosts"),
    ("/etc/resolv.conf", "/etc/resolv.conf"),
    ("/etc/pip.conf", "/etc/xdg/pip/pip.conf"),
    ("~/.config/pip/pip.conf", "/etc/pip.conf"),
    ("/etc/uv/uv.toml", "/etc/uv/uv.toml"),
    ("~/.config/uv/uv.toml", "/etc/uv/uv.toml"),
)
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NEEDS = "make test-debian13 cannot start on this machine:\n{}"
NO_ROOT_USER = "you are not root, and making and entering a root needs it: use sudo"
NO_TOOL = "there is no {}: install the package {}"
NO_NAMESPACES = "namespaces are refused ({}): in a container, start it --privileged"
NO_MIRROR = (
    "{}/dists/{}/Release cannot be read ({}). Is there a network? Another mirror: "
    "make test-debian13 DEBIAN_MIRROR=URL"
)
NOT_OURS = (
    "{} exists and was not made by make test-debian13. Name another folder: "
    "make test-debian13 DEBIAN13_ROOT=DIR"
)
STILL_MOUNTED = "{} is mounted: unmount it before {} can be made anew"
IN_USE = "Another run works in {}: wait for it, or name another folder"
NO_DEBOOTSTRAP = (
    "debootstrap failed with exit code {}; see above. Signatures it "
    "does not know: install a newer package debian-archive-keyring"
)


class Debian13Error(Exception):
    """What is missing or in the way, and what to do."""


def missing(
    root: pathlib.Path, *, user_id: int = os.geteuid(), path: str = SEARCH_PATH
) -> list[str]:
    """Names what this machine lacks to work in `root`, and how to get it."""
    lacking = [NO_ROOT_USER] if user_id else []
    lacking += [
        NO_TOOL.format(tool, package)
        for tool, package in TOOLS.items()
        if not shutil.which(tool, path=path)
        # Only what makes the root needs it.
        and not (tool == "debootstrap" and (root / STAMP).exists())
    ]
    if not lacking:
        tried = subprocess.run(
            [*NAMESPACES, "true"], capture_output=True, text=True, check=False
        )
        if tried.returncode:
            lacking.append(NO_NAMESPACES.format(tried.stderr.strip()))
    return lacking


def make_root(root: pathlib.Path, mirror: str) -> None:
    """Makes the root unless it is there; a half-made one is made anew.

    Raises:
        Debian13Error: The folder is somebody's, the mirror silent, debootstrap failed.
    """
    if (root / STAMP).exists():
        return
    if root.exists():
        raise Debian13Error(NOT_OURS.format(root))
    check_mirror(mirror)
    half_made = root.with_name(f"{root.name}.making")
    remove(half_made)
    print(f"Making a Debian 13 root in {root} ...", flush=True)
    ended = supervise([*NAMESPACES, *debootstrap(half_made, mirror)])
    if ended:
        raise Debian13Error(NO_DEBOOTSTRAP.format(ended))
    subprocess.run(
        ["chroot", half_made, "useradd", "--create-home", "--shell=/bin/bash", "user"],
        check=True,
    )
    (half_made / STAMP).write_text(f"{SUITE} {PACKAGES}\n")
    half_made.rename(root)


def debootstrap(target: pathlib.Path, mirror: str) -> list[str]:
    """The command that fills `target` from `mirror`, refusing what is not signed."""
    scripts = pathlib.Path("/usr/share/debootstrap/scripts")
    # Older debootstraps do not know the name; the way has been sid's ever since.
    known = [scripts / name for name in (SUITE, "sid") if (scripts / name).exists()]
    return [
        *("debootstrap", "--variant=minbase", "--force-check-gpg"),
        *(f"--include={PACKAGES}", SUITE, str(target), mirror),
        *(str(script) for script in known[:1]),
    ]


def check_mirror(mirror: str) -> None:
    """Reads the first file of the suite; debootstrap would try for minutes."""
    try:
        with urllib.request.urlopen(f"{mirror}/dists/{SUITE}/Release", timeout=20):
            pass
    except (OSError, ValueError) as error:
        raise Debian13Error(NO_MIRROR.format(mirror, SUITE, error)) from error


def remove(folder: pathlib.Path) -> None:
    """Removes what a run left, if nothing is mounted in it."""
    mounted = mounts_below(folder)
    if mounted:
        raise Debian13Error(STILL_MOUNTED.format(mounted[0], folder))
    if folder.exists():
        shutil.rmtree(folder)


def mounts_below(folder: pathlib.Path) -> list[str]:
    """Names every mount in `folder`, itself included."""
    table = pathlib.Path("/proc/self/mountinfo").read_text()
    points = [line.split()[4] for line in table.splitlines()]
    return [point for point in points if pathlib.Path(point).is_relative_to(folder)]


def clone(root: pathlib.Path, repository: pathlib.Path = REPOSITORY) -> str:
    """Clones HEAD into the root, for its user; gives the commit.

    By way of a bundle: git refuses to clone from another user's folder, which under
    sudo this is, and what it takes from there is HEAD's history only.
    """
    checkout = root / CHECKOUT
    remove(checkout)
    ours = ("git", "-c", f"safe.directory={repository}", "-C", str(repository))
    # Only what is committed: a user gets no more.
    changed = _output([*ours, "status", "--porcelain"])
    with tempfile.TemporaryDirectory() as folder:
        bundle = f"{folder}/head.bundle"
        _output([*ours, "bundle", "create", "--quiet", bundle, "HEAD"])
        quiet = ("-c", "advice.detachedHead=false")
        _output(["git", *quiet, "clone", "--quiet", bundle, str(checkout)])
    if changed:
        print("Changes that are not committed are left out.")
    owner = (root / HOME).stat()
    _output(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(checkout)])
    return _output([*ours, "log", "-1", "--format=%h %s"])


def _output(command: Sequence[str]) -> str:
    """What the command printed."""
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return ended.stdout.strip()


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the root's user has, and how packages are had on this machine."""
    return {name: environ[name] for name in PASSED_ON if name in environ} | {
        "HOME": f"/{HOME}",
        "LANG": "C.UTF-8",
        "PATH": SEARCH_PATH,
        "TERM": environ.get("TERM", "dumb"),
        "USER": "user",
    }


def settings_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Place in the root, and file of this machine that is shown there.

    Shown, not copied: what stands in them is not for a folder that is kept.
    """
    home = environ.get("HOME", str(pathlib.Path.home()))
    shown = [(path.replace("~", home), place) for path, place in SETTINGS_FILES]
    shown += [(environ[name],) * 2 for name in CERTIFICATES if name in environ]
    return {place: path for path, place in shown if os.path.isfile(path)}


def entering(root: pathlib.Path, command: str, files: Mapping[str, str]) -> list[str]:
    """The command line that runs `command` in the root, as its user."""
    at = shlex.quote(str(root))
    mounts = [
        f"mount -t proc proc {at}/proc",
        f"mount --rbind /sys {at}/sys",
        f"mount --rbind /dev {at}/dev",
        f"mount -t tmpfs -o mode=1777 tmpfs {at}/dev/shm",
    ]
    for place, path in files.items():
        inside = shlex.quote(f"{root}{place}")
        folder = shlex.quote(f"{root}{os.path.dirname(place)}")
        mounts += [
            f"mkdir -p {folder}; [ -e {inside} ] || touch {inside}",
            f"mount --bind -o ro {shlex.quote(path)} {inside}",
        ]
    owner = (root / HOME).stat()
    user = f"--userspec={owner.st_uid}:{owner.st_gid}"
    inner = ["chroot", user, str(root), "/bin/sh", "-c", command]
    # With something after it, so that the shell stays: the first process of a namespace
    # has to collect the orphans.
    script = "; ".join(["set -eu", *mounts, f"{shlex.join(inner)} || exit $?"])
    return [*NAMESPACES, "/bin/sh", "-c", script]


def supervise(command: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """Runs the command to its end, or to ours, and gives its exit code.

    Ctrl-C reaches it from the terminal. What has not ended `GRACE_S` later is killed,
    and all that it started: a namespace goes with its first process.
    """
    with subprocess.Popen(command, env=environ) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            raise
        finally:
            process.kill()


@contextlib.contextmanager
def alone(root: pathlib.Path) -> Iterator[None]:
    """Holds the root for this run; a second one is refused."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Debian13Error(IN_USE.format(root)) from None
        yield


def run(root: pathlib.Path, commands: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs each command in a fresh clone; gives the first exit code that is not 0."""
    print(f"On Debian 13: {clone(root)}", flush=True)
    files = settings_files(environ)
    took = []
    for command in commands:
        print(f"\n$ {command}", flush=True)
        began = time.monotonic()
        inside = f"cd /{CHECKOUT} && {command}"
        ended = supervise(entering(root, inside, files), environment(environ))
        took.append(f"{command}: {time.monotonic() - began:.0f} s")
        if ended:
            print(f"`{command}` failed with exit code {ended} in {root}")
            return ended
    print(f"\nDebian 13 took these: {', '.join(took)}")
    return 0


def default_root(environ: Mapping[str, str]) -> pathlib.Path:
    """The folder of the root, where caches are."""
    cache = environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "keras-transformer-pipeline" / "debian13"


def parse(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.debian13",
        description="Run the README's commands on Debian 13, in a root of its own.",
    )
    parser.add_argument(
        *("--root", "-r"),
        type=lambda text: pathlib.Path(text).resolve(),
        default=default_root(environ),
        help="folder of the root, made if missing and kept (default: %(default)s)",
    )
    parser.add_argument(
        "--mirror", default=MIRROR, help="of Debian's packages (default: %(default)s)"
    )
    parser.add_argument(
        "--run",
        action="append",
        metavar="COMMAND",
        help=f"to run in the clone, more than once if needed (default: {COMMANDS})",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Makes the root if need be, and runs the commands in it."""
    asked = parse(arguments, environ)
    # As Ctrl-C: what is to be cleaned is cleaned.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        lacking = missing(asked.root)
        if lacking:
            raise Debian13Error(NEEDS.format("\n".join(f"- {one}" for one in lacking)))
        with alone(asked.root):
            make_root(asked.root, asked.mirror.rstrip("/"))
            return run(asked.root, asked.run or COMMANDS, environ)
    except Debian13Error as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted; the root is kept, nothing is mounted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
