"""Overlays as the cluster would get them.

`kubectl kustomize` renders them. Where there is no kubectl (or one that is too old to
know the fields used here), its former output speaks for it: the goldens, which carry a
hash of the sources they were made from, so that they cannot go stale unseen.
"""

import functools
import hashlib
import json
import pathlib
import shutil
import subprocess
from typing import Any

import yaml

from tests.support.repository import ROOT

Resource = dict[str, Any]

K8S_DIR = ROOT / "k8s"
GOLDENS_DIR = ROOT / "tests" / "k8s" / "goldens"
OVERLAYS = sorted(
    path.parent.name for path in K8S_DIR.glob("overlays/*/kustomization*")
)
OTHERS = {
    "kserve": "kserve",
    "shared-volume": "shared-volume",
    "training-job": "training/job",
    "training-tfjob": "training/tfjob",
    "training-trainjob": "training/trainjob",
}
"""What else is applied, by the name of its golden: folders below k8s/."""
TREES = (*OVERLAYS, *OTHERS)
_SOURCES_MARK = "# Rendered from sources with sha256 "
_OLDEST_KUSTOMIZE = 5
# Safe like SafeLoader, and ten times as fast where PyYAML has its C part.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def render(overlay: str) -> list[Resource]:
    """All resources of a tree, by kubectl or, without one, from its golden."""
    if kubectl() is None:
        return parse((GOLDENS_DIR / f"{overlay}.yaml").read_text())
    return _render(overlay)


@functools.cache
def kubectl() -> str | None:
    """The path of a kubectl whose kustomize is new enough."""
    path = shutil.which("kubectl")
    if path is None:
        return None
    command = [path, "version", "--client", "--output=json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return None
    version = json.loads(answer.stdout).get("kustomizeVersion", "v0")
    return path if int(version.lstrip("v").split(".")[0]) >= _OLDEST_KUSTOMIZE else None


def golden_text(overlay: str) -> str:
    """What the golden should hold; the same for every version of kubectl."""
    resources = sorted(_render(overlay), key=lambda each: (each["kind"], name(each)))
    return f"{_SOURCES_MARK}{sources_sha256()}\n{yaml.safe_dump_all(resources)}"


def golden_sources_sha256(overlay: str) -> str:
    """The hash of the sources that the golden was rendered from."""
    first_line = (GOLDENS_DIR / f"{overlay}.yaml").read_text().split("\n", 1)[0]
    return first_line.removeprefix(_SOURCES_MARK)


def sources_sha256() -> str:
    """Hash of every file that an overlay can be made of."""
    digest = hashlib.sha256()
    for path in sorted(K8S_DIR.rglob("*")):
        if path.suffix in (".yaml", ".config", ".json"):
            digest.update(f"{path.relative_to(K8S_DIR)}\0".encode())
            digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def parse(text: str) -> list[Resource]:
    """The documents of a YAML stream."""
    return [document for document in yaml.load_all(text, _LOADER) if document]


def name(resource: Resource) -> str:
    """The resource's name."""
    return resource["metadata"]["name"]


def render_folder(folder: pathlib.Path) -> list[Resource]:
    """All resources of a folder with a kustomization, by kubectl."""
    return parse(_rendered_text(folder))


@functools.cache
def _rendered_text(folder: pathlib.Path) -> str:
    command = [kubectl() or "kubectl", "kustomize", str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise AssertionError(f"{' '.join(command)} failed:\n{answer.stderr}")
    return answer.stdout


def _render(overlay: str) -> list[Resource]:
    return render_folder(K8S_DIR / OTHERS.get(overlay, f"overlays/{overlay}"))
