"""Writes what k8s/ tells the model server, from `serving.launch.presets.KUBERNETES`.

    python -m scripts.k8s_config

For the base: every configuration file, and `server-args.yaml` with the flags. For an
overlay: those that differ. The kustomizations that name them are written by hand.
"""

import pathlib
import sys

from serving.launch.presets import CLUSTER, EMBEDDED_FOLDERS, KUBERNETES

K8S_DIR = pathlib.Path(__file__).resolve().parent.parent / "k8s"
BASE = "base"
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


def main() -> int:
    """Writes what is stale and names it."""
    for path in stale():
        target = K8S_DIR / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(texts()[path])
        print(f"k8s/{path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
