"""Where the steps of a Kubeflow pipeline find files that are on no object store."""

import dataclasses
import posixpath
import re

from model.settings import quoted
from pipeline.errors import SettingError

# What Kubernetes calls a DNS subdomain (RFC 1123).
_LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_CLAIM_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_MOST_CHARACTERS = 253


@dataclasses.dataclass(frozen=True, kw_only=True)
class VolumeClaim:
    """A PersistentVolumeClaim of the cluster, mounted in every step."""

    name: str
    mount_path: str

    @classmethod
    def parse(cls, text: str) -> "VolumeClaim":
        """Reads `NAME:/mount/path`.

        Raises:
            SettingError: It reads otherwise.
        """
        name, _, mount_path = text.partition(":")
        if not (name and mount_path.startswith("/")):
            raise SettingError(
                f"The volume is {quoted(text)}; it must read NAME:/mount/path, with "
                "the name of a PersistentVolumeClaim in the pipeline's namespace."
            )
        return cls(name=name, mount_path=mount_path)

    def __post_init__(self) -> None:
        if not _CLAIM_NAME.fullmatch(self.name) or len(self.name) > _MOST_CHARACTERS:
            raise SettingError(
                f"The volume claim's name is {quoted(self.name)}; Kubernetes allows "
                f"lower-case letters, digits, dashes and dots, at most "
                f"{_MOST_CHARACTERS}, and each part between dots begins and ends with "
                "a letter or a digit."
            )
        path = "/" + posixpath.normpath(self.mount_path).lstrip("/")
        is_plain = path.isprintable() and ".." not in self.mount_path.split("/")
        is_absolute = self.mount_path.startswith("/") and path != "/"
        if not is_absolute or ":" in path or not is_plain:
            raise SettingError(
                f"The volume {self.name} is to be mounted at "
                f"{quoted(self.mount_path)}; it must be an absolute path "
                "below /, without ':' and '..', as /data."
            )
        object.__setattr__(self, "mount_path", path)

    def holds(self, path: str) -> bool:
        """Says whether the path is the mount or lies below it."""
        return f"{path}/".startswith(f"{self.mount_path}/")
