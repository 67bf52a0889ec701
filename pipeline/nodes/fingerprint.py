"""What a result depends on besides its data: our code, and the versions below it.

TFX's cache sees a dotted path, not the code behind it, so the code's hash travels in
the settings of every node of ours.
"""

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path

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
    """Name -> version of the libraries that shape a model."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def code_fingerprint(packages: Sequence[str]) -> str:
    """Hash of the source of our `packages` and of `library_versions`."""
    digest = hashlib.sha256(repr(sorted(library_versions().items())).encode())
    for package in packages:
        for path in sorted((_ROOT / package).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
