"""How a task's command is run: as a process here, or in a container."""

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from pipeline.errors import SettingError
from pipeline.spec_run.compiled import CompiledPipeline

_PODMAN = "podman"
_SEEN_ROOT = Path("/ktp-run")


class Backend(Protocol):
    """Runs one command to its end."""

    def seen_root(self, root: Path) -> Path:
        """Says where a task sees the folder of the run."""
        ...

    def run(self, image: str, command: Sequence[str], log_path: Path) -> int:
        """Runs it with both streams in the log; gives the exit status."""
        ...


@dataclasses.dataclass(frozen=True)
class SubprocessBackend:
    """With this interpreter and this machine's files; the image is not looked at."""

    def seen_root(self, root: Path) -> Path:
        return root

    def run(self, image: str, command: Sequence[str], log_path: Path) -> int:
        del image
        program, *arguments = command
        if program in ("python", "python3"):
            program = sys.executable
        return _run([program, *arguments], log_path)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PodmanBackend:
    """In a container of the image that the file names, as a cluster's pod.

    `volumes` maps a claim's name to a folder here that stands for it.
    """

    root: Path
    mounts: Mapping[str, str]
    volumes: Mapping[str, Path]
    network: str = "none"
    memory: str = "6g"

    @classmethod
    def of(
        cls, compiled: CompiledPipeline, root: Path, volumes: Mapping[str, Path]
    ) -> "PodmanBackend":
        """Checks that there is a program, and a folder for each claim.

        Raises:
            SettingError: one of them is missing.
        """
        if shutil.which(_PODMAN) is None:
            raise SettingError(
                "The backend podman needs the program podman, which is not here. "
                "Install it (Debian: apt-get install podman), or take --backend "
                "subprocess."
            )
        missing = compiled.mounts.keys() - volumes.keys()
        if missing:
            raise SettingError(
                f"The steps mount {', '.join(sorted(missing))}; give a folder that "
                "stands for each: --volume NAME=FOLDER."
            )
        return cls(root=root, mounts=compiled.mounts, volumes=volumes)

    def seen_root(self, root: Path) -> Path:
        del root
        return _SEEN_ROOT

    def run(self, image: str, command: Sequence[str], log_path: Path) -> int:
        volumes = {self.root: str(_SEEN_ROOT)} | {
            self.volumes[name].absolute(): path for name, path in self.mounts.items()
        }
        program, *arguments = command
        return _run(
            [
                *(_PODMAN, "run", "--rm", f"--network={self.network}"),
                *(f"--memory={self.memory}", f"--user={os.getuid()}", "--pull=never"),
                *(f"--volume={here}:{there}" for here, there in volumes.items()),
                *(f"--entrypoint={program}", image, *arguments),
            ],
            log_path,
        )


def _run(command: Sequence[str], log_path: Path) -> int:
    with log_path.open("ab") as log:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        ).returncode
