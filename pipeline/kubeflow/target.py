"""Could a cluster run a pipeline of that name, image and places? Asked before TFX."""

import dataclasses
import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from model.settings import quoted
from pipeline.config import name_problem
from pipeline.kubeflow.volume_claim import VolumeClaim

KUBEFLOW, VERTEX = (".yaml", ".yml"), (".json",)
"""The ends of an output file."""
NOT_MOUNTED = ("s3://", "minio://")
"""What TensorFlow does not read."""

_READ_SCHEMES = ("gs://", "s3://")

_PINNED_IMAGE = re.compile(
    r"[^\s@]+(:(?!latest$)\w[\w.-]{0,127}|(:\w[\w.-]{0,127})?@sha256:[0-9a-f]{64})",
    re.ASCII,
)
_GLOB = re.compile(r"[*?\[\]{}]")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """What a pipeline is compiled for; `volumes` are what every step mounts."""

    output_path: Path
    name: str
    image: str
    pipeline_root: str
    volumes: Sequence[VolumeClaim] = ()

    @property
    def is_kubeflow(self) -> bool:
        """True for open-source Kubeflow, False for Vertex AI."""
        return self.output_path.suffix in KUBEFLOW

    def problems(self) -> Iterator[str]:
        """Says everything that the target would not run."""
        if problem := name_problem(self.name):
            yield problem
        if not _PINNED_IMAGE.fullmatch(self.image):
            yield (
                f"The image is {quoted(self.image)}; it must end in a tag other than "
                "latest, or in a digest: Kubeflow takes equal image names for equal "
                "code when it caches."
            )
        if self.is_kubeflow:
            yield from self._problems_of_mounts()
        elif self.output_path.suffix in VERTEX:
            yield from self._problems_on_vertex()
        else:
            yield (
                f"The output file is {quoted(self.output_path.name)}; it must end in "
                ".yaml for Kubeflow Pipelines or in .json for Vertex AI."
            )

    def _problems_of_mounts(self) -> Iterator[str]:
        paths = Counter(volume.mount_path for volume in self.volumes)
        for path, count in paths.items():
            if count > 1:
                yield (
                    f"{count} volumes are mounted at {quoted(path)}; Kubernetes mounts "
                    "one at a path. Give each a path of its own."
                )

    def _problems_on_vertex(self) -> Iterator[str]:
        if not is_remote(self.pipeline_root):
            yield (
                f"The pipeline's root is {quoted(self.pipeline_root)}; Vertex AI wants "
                "a gs:// URI."
            )
        if self.volumes:
            yield "Vertex AI mounts no volume claims: drop them, or write a .yaml file."


def place_problem(option: str, place: str, claims: Sequence[VolumeClaim]) -> str:
    """Says why no step could use a place; empty where each could."""
    if place.startswith(NOT_MOUNTED):
        return (
            f"{option} is {quoted(place)}: TensorFlow reads neither S3 nor MinIO. Use "
            "gs://, or a path on a mounted volume claim."
        )
    if _GLOB.search(place) or not place.isprintable():
        return (
            f"{option} is {quoted(place)}; TFX takes *, ?, [ and {{ for a pattern of "
            "names. Use a path without them."
        )
    return _unseen(option, place, claims)


def source_problem(option: str, place: str, claims: Sequence[VolumeClaim]) -> str:
    """Says why the first step could not read from a place; empty where it could."""
    if "://" in place and not place.startswith(_READ_SCHEMES):
        return (
            f"{option} is {quoted(place)}; allowed: a path on a mounted volume claim, "
            f"or a URI that begins with {' or '.join(_READ_SCHEMES)}."
        )
    return _unseen(option, place, claims)


def _unseen(option: str, place: str, claims: Sequence[VolumeClaim]) -> str:
    # A step's own disk goes with the step.
    path = posixpath.normpath(place)
    if is_remote(place) or any(claim.holds(path) for claim in claims):
        return ""
    mounted = ", ".join(claim.mount_path for claim in claims) or "nothing"
    return (
        f"{option} is {place or 'empty'}, which no step can see: give a gs:// URI, or "
        "a path on a volume (--volume NAME:PATH; not on Vertex AI). Mounted: "
        f"{mounted}."
    )


def is_remote(uri: str) -> bool:
    """True for a URI, False for a path."""
    return "://" in uri
