"""What requests can reach now, as pictures that never change once they are shown."""

import dataclasses
from collections.abc import Mapping

from serving.server.models.version import ServedVersion


@dataclasses.dataclass(frozen=True, slots=True)
class Route:
    """The available versions of one model, and what its labels mean."""

    latest: ServedVersion | None
    versions: Mapping[int, ServedVersion]
    labels: Mapping[str, int]

    def find(self, version: int | None, label: str) -> ServedVersion | None:
        """What answers a request; neither version nor label means the latest."""
        if label:
            # An unknown label is no version's number.
            return self.versions.get(self.labels.get(label))  # type: ignore[arg-type]
        return self.latest if version is None else self.versions.get(version)


Routes = Mapping[str, Route]
"""By model name. A change makes a new mapping, so that readers need no lock."""


def route_to(versions: Mapping[int, ServedVersion], labels: Mapping[str, int]) -> Route:
    """The route to these versions."""
    latest = versions[max(versions)] if versions else None
    return Route(latest, versions, labels)
