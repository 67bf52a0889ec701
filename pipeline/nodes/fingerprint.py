"""What a result depends on besides its data: our code, and the versions below it.

TFX's cache sees a dotted path, not the code behind it, so the code's hash travels in
the settings of every node of ours.
"""

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Sequence
from pathlib import Path

PACKAGES = ("model", "components", "pipeline", "serving")
"""All of ours; a node names those that its result depends on."""

_ROOT = Path(__file__).parents[2]
_LIBRARIES = (
    "tensorflow",
    "keras",
    "tensorflow-text",
    "tfx",
    "tensorflow-transform",
    "tensorflow-model-analysis",
    "apache-beam",
    "numpy",
)


def library_versions() -> dict[str, str]:
    """Maps name to version of the libraries that shape a model."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def code_fingerprint(packages: Sequence[str] = PACKAGES) -> str:
    """Hashes the source of our `packages` and `library_versions`.

    Raises:
        ValueError: A package has no source: its changes would go unnoticed.
    """
    digest = hashlib.sha256(repr(sorted(library_versions().items())).encode())
    for package in packages:
        paths = sorted((_ROOT / package).rglob("*.py"))
        if not paths:
            raise ValueError(f"There is no source of {package!r} below {_ROOT}.")
        for path in paths:
            digest.update(path.relative_to(_ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def git_commit(checkout: Path = _ROOT) -> str | None:
    """Names the commit of the checkout we run from; `-dirty` if it was changed.

    None for an installed wheel, and where git is missing or will not tell.
    """
    # An environment may lie inside somebody's repository, which is not ours.
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"]
    try:
        told = subprocess.run(
            command, cwd=checkout, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.stdout.strip()
