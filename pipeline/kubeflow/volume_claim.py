"""Where the steps of a Kubeflow pipeline find files that are on no object store."""

import dataclasses

from pipeline.errors import SettingError


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
                f"The volume is {text!r}; it must read NAME:/mount/path, with the name "
                "of a PersistentVolumeClaim in the pipeline's namespace."
            )
        return cls(name=name, mount_path=mount_path.rstrip("/"))

    def holds(self, path: str) -> bool:
        """Says whether the path is the mount or lies below it."""
        return f"{path}/".startswith(f"{self.mount_path}/")
