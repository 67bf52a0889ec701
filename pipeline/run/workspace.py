"""The output folder of runs: who may write, what is in it, what the last run left."""

import contextlib
import dataclasses
import fcntl
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model import contract
from pipeline.atomic_write import unfinished_of, write_whole
from pipeline.errors import SettingError
from pipeline.full_disk import why_full

_NEEDED_BYTES = 300 * 1024 * 1024
_LAST_RUN_FILE = "last_run.json"


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Paths below one output folder.

    `plain_root` is the same folder under the name that `plain_name` gives.
    """

    root: Path
    plain_root: Path | None = None

    @property
    def plain(self) -> "Workspace":
        """The same places, for libraries that see patterns in names."""
        return Workspace(self.plain_root or self.root)

    def named(self, text: str) -> str:
        """Puts the folder's own name where a text has the plain one."""
        if self.plain_root is None:
            return text
        return text.replace(str(self.plain_root), str(self.root))

    @property
    def serving_dir(self) -> Path:
        """Numbered SavedModels, for a model server."""
        return self.root / contract.SERVING_DIR

    @property
    def edge_dir(self) -> Path:
        """Numbered folders of device files."""
        return self.root / contract.EDGE_DIR

    @property
    def pipeline_dir(self) -> Path:
        """TFX's artifacts, which are also the cache."""
        return self.root / "pipeline"

    @property
    def temporary_dir(self) -> Path:
        """What is written for a moment; the name is ours alone, so we may clear it."""
        return self.root / ".ktp-temporary"

    @property
    def report_path(self) -> Path:
        """The page about the last run."""
        return self.root / "report.html"

    @property
    def results_path(self) -> Path:
        """What the page shows, as data."""
        return self.root / "results.json"

    def log_path(self, stamp: str) -> Path:
        """Says where the noise of a run goes."""
        return self.root / "logs" / f"run-{stamp}.log"

    def prepare(self) -> None:
        """Makes the folder, and finds out that it can be written to.

        Raises:
            SettingError: It cannot, or the disk has too little room.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            if reason := why_full(error):
                raise disk_full(self.root, reason) from error
            raise SettingError(
                f"The output folder {self.root} cannot be written to: "
                f"{error.strerror}. Name another with --output."
            ) from error
        if _free_bytes(self.root) < _NEEDED_BYTES:
            raise disk_full(self.root, "too little room")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second run out of the same folder.

        Raises:
            SettingError: Another run is at work there.
        """
        with (self.root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SettingError(
                    f"Another run is writing to {self.root}. Wait for it, or name "
                    "another folder with --output."
                ) from None
            yield

    @contextlib.contextmanager
    def watching_the_disk(self) -> Iterator[None]:
        """Makes one message of whatever comes of a disk without room.

        Raises:
            SettingError: There was no room.
        """
        try:
            yield
        except Exception as error:
            if reason := why_full(error):
                raise disk_full(self.root, reason) from error
            raise

    def clear_leftovers(self) -> None:
        """Ends what a killed run began, or removes it; call it with the lock held."""
        self._end_push()
        for path in self._unfinished():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _end_push(self) -> None:
        """Publishes what was killed between two names, as `versioned_pusher` does.

        Here, because a run may end before it comes to its pusher.
        """
        for mark in self.serving_dir.glob(f"{contract.COMPLETE_PREFIX}*"):
            version = mark.name.removeprefix(contract.COMPLETE_PREFIX)
            for folder in (self.edge_dir, self.serving_dir):
                staged = folder / f"{contract.STAGING_PREFIX}{version}"
                if staged.exists() and not (folder / version).exists():
                    staged.rename(folder / version)
            mark.unlink()

    def _unfinished(self) -> Iterator[Path]:
        for folder in (self.root / "data", self.serving_dir, self.edge_dir):
            yield from folder.glob(f"{contract.STAGING_PREFIX}*")
        for whole in (self.report_path, self.results_path, self.root / _LAST_RUN_FILE):
            yield from unfinished_of(whole)

    def last_run(self) -> dict[str, Any] | None:
        """Reads what `remember` wrote, if what it speaks of is still there."""
        try:
            last = json.loads((self.root / _LAST_RUN_FILE).read_text())
        except (FileNotFoundError, ValueError):
            return None
        paths = [last["summary"][key] for key in ("saved_model", "tflite", "report")]
        return last if all(path and Path(path).exists() for path in paths) else None

    def remember(self, fingerprint: str, summary: Mapping[str, object]) -> None:
        """Notes a successful run, for the next one to find nothing to do."""
        text = json.dumps({"fingerprint": fingerprint, "summary": summary}, indent=2)
        write_whole(self.root / _LAST_RUN_FILE, text)


def disk_full(path: Path, reason: str) -> SettingError:
    """Makes the error for a disk without room: what is full, what a run needs."""
    return SettingError(
        f"The disk below {path} takes no more ({reason}): "
        f"{_free_bytes(path) / 2**20:,.0f} MiB left; a run needs "
        f"{_NEEDED_BYTES / 2**20:,.0f} MiB.\n"
        "Free some, or name another folder with --output."
    )


def _free_bytes(path: Path) -> int:
    """Counts what is free for us; a part of it is often kept for the superuser."""
    return shutil.disk_usage(path).free
