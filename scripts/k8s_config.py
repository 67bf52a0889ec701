"""Writes what k8s/ tells the model server, from `serving.launch.presets.KUBERNETES`.

    python -m scripts.k8s_config [--stable VERSION --canary VERSION]

With the two versions, what overlays/canary serves, which nobody's preset can know.
Without, for the base: every configuration file, and `server-args.yaml` with the flags;
for an overlay: those that differ. Kustomizations that name them are written by hand.
"""

import argparse
import pathlib
import sys
from collections.abc import Sequence

from serving.launch.presets import CLUSTER, EMBEDDED_FOLDERS, KUBERNETES, pinned

K8S_DIR = pathlib.Path(__file__).resolve().parent.parent / "k8s"
BASE = "base"
CANARY = "overlays/canary"
MODELS_FILE = "models.config"
KSERVE_FILES = ("batching.config", "monitoring.config")
# Where the ConfigMap is mounted.
MOUNT_PATH = "/etc/classifier"
HEADER = """\
# Written by `make k8s-config` from serving/launch/presets.py: change it there.
"""
_PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: classifier
spec:
  template:
    spec:
      containers:
        - name: server
          args:
"""


def texts() -> dict[str, str]:
    """Gives path below k8s/ and content of every file that is written."""
    base_files, base_args = CLUSTER.files(), _args_text(BASE)
    written = {}
    for folder, settings in KUBERNETES.items():
        for name, text in settings.files().items():
            if folder == BASE or text != base_files[name]:
                written[f"{folder}/config/{name}"] = HEADER + text
        if folder == BASE or _args_text(folder) != base_args:
            written[f"{folder}/server-args.yaml"] = _args_text(folder)
    # Not built on the base, and what it shares with it no kustomization could reach.
    for name in KSERVE_FILES:
        written[f"kserve/config/{name}"] = HEADER + base_files[name]
    return written


def _args_text(folder: str) -> str:
    """Writes the patch that gives the container its flags."""
    embedded = folder in EMBEDDED_FOLDERS
    flags = KUBERNETES[folder].arguments(MOUNT_PATH, embedded=embedded)
    return HEADER + _PATCH + "".join(f"            - {flag}\n" for flag in flags)


def stale() -> list[str]:
    """Names files that are not what they would be if they were written now."""
    return [
        path
        for path, text in texts().items()
        if not (K8S_DIR / path).exists() or (K8S_DIR / path).read_text() != text
    ]


def canary_texts(stable: int, new: int) -> dict[str, str]:
    """Gives path below k8s/ and content of what pins the two versions."""
    header = HEADER.replace(
        "make k8s-config", "python -m scripts.k8s_config --stable …"
    )
    return {
        f"{CANARY}/{name}/{MODELS_FILE}": header + pinned(version).files()[MODELS_FILE]
        for name, version in {"stable": stable, "new": new}.items()
    }


def write(texts: dict[str, str]) -> None:
    """Writes files below k8s/ and names them."""
    for path, text in texts.items():
        target = K8S_DIR / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        print(f"k8s/{path}")


def _version(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**63):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no version; `ktp models list` shows those that there are"
        )
    return int(text)


def main(arguments: Sequence[str]) -> int:
    """Writes what is stale, or the two versions."""
    parser = argparse.ArgumentParser(prog="python -m scripts.k8s_config")
    parser.add_argument("--stable", type=_version, metavar="VERSION")
    parser.add_argument("--canary", type=_version, metavar="VERSION")
    asked = parser.parse_args(arguments)
    if (asked.stable is None) != (asked.canary is None):
        parser.error("--stable and --canary go together")
    if asked.stable is not None:
        write(canary_texts(asked.stable, asked.canary))
        return 0
    written = texts()
    write({path: written[path] for path in stale()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
