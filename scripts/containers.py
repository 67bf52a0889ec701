"""Runs a command where containers can be built and run: `make test-containers`.

    python -m scripts.containers [--base IMAGE] [--mirror URL] COMMAND …

It needs podman (on Debian: `apt-get install podman buildah runc netavark aardvark-dns
iptables catatonit`). A base image that is neither here nor to be pulled is made from
Debian's own packages, under the same name. COMMAND finds in its environment how images
are built on this machine. Standard library only.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence

BASE = "python:3.11-slim-bookworm"
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
PACKAGES = "ca-certificates,python3,python3-venv"

# Arguments of the Dockerfile: how packages are had on this machine.
PASSED_ON = ("PIP_INDEX_URL", "PIP_CERT", "UV_DEFAULT_INDEX", "SSL_CERT_FILE")
CERTIFICATES = ("PIP_CERT", "SSL_CERT_FILE")

# A container of a container may raise no limit, has no journal, and its control groups
# are of both versions, which crun refuses.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""

NO_PODMAN = (
    "There is no podman. On Debian: apt-get install --no-install-recommends podman "
    "buildah runc netavark aardvark-dns iptables catatonit"
)
NO_BASE = (
    "{} cannot be pulled, and making it needs debootstrap and root: pull or build it, "
    "or name another with --base"
)


class ContainersError(Exception):
    """What is missing, and what to do."""


def build_arguments(environ: Mapping[str, str]) -> Iterator[str]:
    """How this machine reaches its package index holds while an image is built, too.

    Only while it is built: certificates are mounted, and what the variables say is an
    argument, which no image keeps.
    """
    yield "--network=host"
    yield "--format=docker"  # The other one has no health check.
    for name in PASSED_ON:
        if name in environ:
            yield f"--build-arg={name}={environ[name]}"
    shown = {environ[name] for name in CERTIFICATES if name in environ}
    for path in sorted(shown):
        if os.path.isfile(path):
            yield f"--volume={path}:{path}:ro"


def environment(environ: Mapping[str, str], settings_path: str) -> dict[str, str]:
    """What COMMAND finds: podman, its settings, and arguments for `make image`."""
    return {
        **environ,
        "CONTAINERS_CONF": environ.get("CONTAINERS_CONF", settings_path),
        "CONTAINER_TOOL": "podman",
        "IMAGE_ARGS": " ".join(build_arguments(environ)),
    }


def provide(base: str, mirror: str, environ: Mapping[str, str]) -> None:
    """Finds the base image, pulls it, or makes it.

    Raises:
        ContainersError: none of the three can be done.
    """
    for words in (("image", "exists", base), ("pull", "--quiet", base)):
        if _podman(words, environ) == 0:
            return
    if os.geteuid() or shutil.which("debootstrap") is None:
        raise ContainersError(NO_BASE.format(base))
    print(f"{base} cannot be pulled; making it from {mirror} ...", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "root"
        subprocess.run(debootstrap(root, mirror), check=True, stdout=sys.stderr)
        for package in (root / "var/cache/apt/archives").glob("*.deb"):
            package.unlink()
        pack = subprocess.Popen(
            ["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE
        )
        name = f"localhost/{base}"
        imported = ["podman", "import", "--quiet", "-", name]
        subprocess.run(imported, check=True, stdin=pack.stdout, env=dict(environ))
        if pack.wait():
            raise ContainersError(f"The root in {root} could not be packed.")


def debootstrap(target: pathlib.Path, mirror: str) -> list[str]:
    """The command that fills `target` from `mirror`, refusing what is not signed."""
    return [
        *("debootstrap", "--variant=minbase", "--force-check-gpg"),
        *(f"--include={PACKAGES}", SUITE, str(target), mirror),
    ]


def _podman(words: Sequence[str], environ: Mapping[str, str]) -> int:
    quiet = subprocess.DEVNULL
    command = ["podman", *words]
    return subprocess.run(
        command, env=dict(environ), stdout=quiet, stderr=quiet, check=False
    ).returncode


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.containers",
        description="Run a command where containers can be built and run.",
    )
    parser.add_argument("--base", default=BASE, help="image (default: %(default)s)")
    parser.add_argument(
        "--mirror", default=MIRROR, help="of Debian's packages (default: %(default)s)"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs the command; gives its exit status."""
    asked = parse(arguments)
    if shutil.which("podman") is None:
        raise ContainersError(NO_PODMAN)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as settings:
        settings.write(SETTINGS)
        settings.flush()
        found = environment(environ, settings.name)
        provide(asked.base, asked.mirror, found)
        return subprocess.run(asked.command, env=found, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:], os.environ))
    except ContainersError as error:
        sys.exit(f"make test-containers cannot start on this machine:\n{error}")
