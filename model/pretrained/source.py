"""Where a pretrained encoder comes from: a folder, a URI, or a name on the Hub.

What a run was told travels as a `PretrainedSource` to every process that needs the
files; each checks that they are the same.
"""

import contextlib
import dataclasses
import posixpath
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from model.pretrained.reading import PretrainedError
from model.settings import quoted

if TYPE_CHECKING:  # Both need numpy, which not every command does.
    from model.pretrained.folder import PretrainedFolder

_HUB_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_WEIGHTS = ("model.safetensors", "model-*.safetensors")
_BY_HAND = (
    "hf download {name} --local-dir FOLDER on a machine with internet, "
    "and --pretrained FOLDER"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainedSource:
    """Which pretrained encoder.

    `place` is an absolute path, a URI, or, with a `revision`, a name on the Hub;
    `revision` is the commit. `digest` is `PretrainedFolder.digest`.
    """

    place: str
    digest: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.place}@{self.revision}" if self.revision else self.place

    @contextlib.contextmanager
    def opened(self) -> Iterator["PretrainedFolder"]:
        """Opens the folder, brought to this machine for that long.

        Raises:
            PretrainedError: it cannot be had, or is not the one that was meant.
        """
        with _found(str(self)) as (found, folder):
            if found.digest != self.digest:
                raise PretrainedError(
                    f"{self} has changed: its digest is {found.digest[:16]}…, and the "
                    f"run was started with {self.digest[:16]}…. Start the run again."
                )
            yield folder


@contextlib.contextmanager
def found(text: str) -> Iterator[tuple[PretrainedSource, "PretrainedFolder"]]:
    """Finds what `--pretrained` names: `FOLDER`, `URI` or `NAME[@REVISION]`.

    Raises:
        PretrainedError: there is none, it cannot be had, or it is not taken.
    """
    with _found(text) as pair:
        yield pair


@contextlib.contextmanager
def _found(text: str) -> Iterator[tuple[PretrainedSource, "PretrainedFolder"]]:
    from model.pretrained.folder import PretrainedFolder

    name, _, revision = text.partition("@")
    if Path(text).is_dir():
        folder = PretrainedFolder.open(Path(text).absolute())
        yield PretrainedSource(place=str(folder.path), digest=folder.digest), folder
    elif "://" in text:
        with tempfile.TemporaryDirectory(prefix="ktp-pretrained-") as copy:
            folder = PretrainedFolder.open(_copied(text, Path(copy)))
            yield PretrainedSource(place=text, digest=folder.digest), folder
    elif _HUB_NAME.fullmatch(name):
        path = _downloaded(name, revision or None)
        folder = PretrainedFolder.open(path)
        yield (
            PretrainedSource(place=name, digest=folder.digest, revision=path.name),
            folder,
        )
    else:
        raise PretrainedError(
            f"There is no folder {quoted(text)}, and it is no name of a model on the "
            "Hugging Face Hub, such as sentence-transformers/all-MiniLM-L6-v2. Name a "
            "folder that holds config.json, vocab.txt and model.safetensors."
        )


def _copied(uri: str, target: Path) -> Path:
    """Copies what matters of a folder that TensorFlow's file systems reach."""
    import tensorflow as tf

    from model.pretrained.folder import FILES

    try:
        names = [n for n in tf.io.gfile.listdir(uri) if not n.endswith("/")]
        for name in names:
            if name in FILES or name.endswith(".safetensors"):
                source = posixpath.join(uri, name)
                tf.io.gfile.copy(source, str(target / posixpath.basename(name)))
    except (tf.errors.OpError, NotImplementedError) as error:
        raise PretrainedError(
            f"{uri} cannot be read: {error}. Give a folder, or a URI that TensorFlow "
            "reads, such as gs://BUCKET/FOLDER."
        ) from error
    return target


def _downloaded(name: str, revision: str | None) -> Path:
    """Gets the few files that are read from the Hub, or from its cache here."""
    import httpx
    import huggingface_hub
    from huggingface_hub import errors

    from model.pretrained.folder import FILES

    try:
        path = huggingface_hub.snapshot_download(
            name, revision=revision, allow_patterns=[*FILES, *_WEIGHTS]
        )
    except errors.GatedRepoError as error:
        raise PretrainedError(
            f"{name} asks to accept its licence first: do so on its page, and log in "
            "with hf auth login."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise PretrainedError(
            f"There is no folder {quoted(name)}, and no model of that name on the "
            "Hugging Face Hub that you may read. Check the name, or log in with hf "
            "auth login."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise PretrainedError(
            f"{name} has no revision {quoted(revision)}. Give a branch, a tag or a "
            "commit of its page's Files and versions."
        ) from error
    except (errors.HfHubHTTPError, httpx.HTTPError, OSError, ValueError) as error:
        raise PretrainedError(_unreachable(name, error)) from error
    return Path(path)


def _unreachable(name: str, error: Exception) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return (
        f"There is no folder {quoted(name)}, and the model of that name on the Hugging "
        f"Face Hub cannot be had ({reason}). Without internet: "
        f"{_BY_HAND.format(name=name)}."
    )
