"""The teacher of a run: found before anything starts, from what a person names."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path

from model import contract
from pipeline.errors import SettingError
from pipeline.run.plain_name import is_plain
from serving.text_files.shown import named
from serving.version_dirs import list_versions

_MODEL_FILE = "saved_model.pb"
_READ_BYTES = 1 << 20
_LINK = "teacher"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teacher:
    """A SavedModel to learn from.

    `uri` is where it is, `digest` what is in it, empty where it was not looked at:
    a compiled pipeline reads it later, and elsewhere. `link` is another name for it,
    where TensorFlow would see a pattern in the first one.
    """

    uri: str
    digest: str = ""
    link: str = ""

    @property
    def version(self) -> str:
        """The last part of its place, which below serving_model/ is a number."""
        return self.uri.rstrip("/").rpartition("/")[2]

    @property
    def readable_uri(self) -> str:
        """Where TensorFlow finds it."""
        return self.link or self.uri

    def linked_in(self, folder: Path) -> "Teacher":
        """Gives itself, with a link in `folder` if its own name needs one."""
        if is_plain(Path(self.uri)):
            return self
        link = folder / _LINK
        link.unlink(missing_ok=True)
        link.symlink_to(self.uri)
        return dataclasses.replace(self, link=str(link))


def find(run: Path) -> Teacher:
    """Finds the SavedModel that `run` stands for.

    Args:
        run: the output folder of a run, of whose versions the newest is taken, its
            serving_model/, or a SavedModel.

    Raises:
        SettingError: There is none.
    """
    if not run.is_dir():
        what = "is no folder" if run.exists() else "does not exist"
        raise SettingError(
            f"--teacher {named(run)} {what}; it takes the output folder of an earlier "
            "`ktp run`, or a SavedModel."
        )
    try:
        folder = _saved_model(run)
        return Teacher(uri=str(folder.absolute()), digest=_digest(folder))
    except OSError as error:
        raise SettingError(
            f"--teacher {named(run)} cannot be read: {error.strerror}."
        ) from error


def check(teacher: Teacher, labels: Sequence[str]) -> None:
    """Loads the teacher once, to see before the pipeline starts that it can teach.

    Raises:
        SettingError: It is not one of our models, or has other labels.
    """
    from model.export.teacher import load_teacher  # TensorFlow.

    try:
        load_teacher(teacher.readable_uri, labels)
    except ValueError as error:
        told = str(error).replace(teacher.readable_uri, teacher.uri)
        raise SettingError(told) from error


def require_apart(teacher: Teacher, output_dir: Path) -> None:
    """Keeps a student from being pushed over its teacher.

    Raises:
        SettingError: The teacher lies in the student's output folder.
    """
    if Path(teacher.uri).resolve().is_relative_to(output_dir.resolve()):
        raise SettingError(
            f"--output {named(output_dir)} is the folder of the teacher: the student "
            "would be its next version, and the teacher of the next run. Name another "
            "folder with --output."
        )


def _saved_model(run: Path) -> Path:
    if (run / _MODEL_FILE).is_file():
        return run
    serving_dir = run / contract.SERVING_DIR
    versions = list_versions(str(serving_dir if serving_dir.is_dir() else run)).paths
    pushed = {
        number: Path(path)
        for number, path in versions.items()
        if (Path(path) / _MODEL_FILE).is_file()
    }
    if not pushed:
        raise SettingError(
            f"--teacher {named(run)} holds no pushed model: there is no "
            f"{contract.SERVING_DIR}/<version>/{_MODEL_FILE}. Was the run refused, or "
            "not finished? Run it again, or name the output folder of another."
        )
    return pushed[max(pushed)]


def _digest(folder: Path) -> str:
    """Hashes all files of a model, but for requests to warm up with."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name == contract.WARMUP_FILE:
            continue
        digest.update(f"{name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                digest.update(part)
    return digest.hexdigest()
