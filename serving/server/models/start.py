"""How far the first load of all models is: the ports open when it is over."""

import dataclasses
import enum
from collections.abc import Iterable, Mapping

from serving.server import upstream_texts
from serving.server.models.model import ServedModel
from serving.server.models.version import ServedVersion
from serving.server.status import StatusError


class Stage(enum.Enum):
    """Where one model is."""

    LOADING = "loading"
    LOADED = "loaded"
    """A version answers, and no other waits for its first attempt."""
    RETRYING = "retrying"
    """Its first attempt has failed; another one comes."""
    ABSENT = "absent"
    """Its folder holds nothing to load, or cannot be read."""
    FAILED = "failed"
    """For good."""


@dataclasses.dataclass(frozen=True)
class StartProgress:
    """The configured models by name, each with its stage.

    Attributes:
        failures: the version of every model that has failed for good.
        tolerates_failures: models that have failed, or are absent, are no reason to
            end or to wait, not even for their next attempt, as long as another one is
            loaded.
    """

    stages: Mapping[str, Stage]
    failures: Mapping[str, ServedVersion]
    tolerates_failures: bool = False

    @classmethod
    def of(
        cls, models: Iterable[ServedModel], *, tolerates_failures: bool
    ) -> "StartProgress":
        """Looks at the models; call it while nothing changes them."""
        listed = list(models)
        return cls(
            stages={model.entry.name: _stage(model) for model in listed},
            failures={
                model.entry.name: model.failure
                for model in listed
                if model.failure is not None
            },
            tolerates_failures=tolerates_failures,
        )

    @property
    def is_over(self) -> bool:
        """True when clients may come."""
        reached = set(self.stages.values())
        if self.tolerates_failures and Stage.LOADED in reached:
            return Stage.LOADING not in reached
        return reached <= {Stage.LOADED}

    @property
    def missing(self) -> list[str]:
        """Names the models that are not loaded."""
        stages = self.stages.items()
        return sorted(name for name, stage in stages if stage is not Stage.LOADED)

    @property
    def error(self) -> StatusError | None:
        """Says what the server ends with: upstream's words, once all is decided."""
        reached = set(self.stages.values())
        if not self.failures or self.is_over or not reached <= _DECIDED:
            return None
        causes = {str(version): version.error for version in self.failures.values()}
        return upstream_texts.did_not_become_available("servable", causes)


_DECIDED = {Stage.LOADED, Stage.FAILED}


def _stage(model: ServedModel) -> Stage:
    if model.failure is not None:
        return Stage.FAILED
    if model.is_absent:
        return Stage.ABSENT
    if model.is_available and not model.has_untried:
        return Stage.LOADED
    is_retrying = model.wanted and not model.has_untried
    return Stage.RETRYING if is_retrying else Stage.LOADING
