"""From a version directory to a servable that is ready for requests."""

import dataclasses
import logging
import pathlib
from collections.abc import Mapping

from serving.server import servable, warmup
from serving.server.batching import BatchingConfig
from serving.server.models import ModelEntry
from serving.server.served_version import Servable, ServedVersion

log = logging.getLogger(__name__)

PER_MODEL_BATCHING_FILE = "batching_params.pbtxt"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SavedModelLoader:
    """Loads, says how to batch and warms up, in this order."""

    batching: BatchingConfig | None = None
    per_model_batching: bool = False
    warmup: bool = True
    warmup_iterations: int = 1
    tags: tuple[str, ...] = ("serve",)
    session_config: Mapping[str, int] = dataclasses.field(default_factory=dict)

    def __call__(self, entry: ModelEntry, version: ServedVersion) -> Servable:
        loaded = servable.load(version.path, self.tags, self.session_config)
        try:
            loaded.set_batching(self.batching_for(version.path))
            loaded.freeze()
            if self.warmup:
                count = warmup.warm_up(loaded, version.path, self.warmup_iterations)
                log.info("Warmed up %s %d with %d requests",
                         entry.name, version.number, count)  # fmt: skip
        except BaseException:
            loaded.close()
            raise
        return loaded

    def batching_for(self, path: str) -> BatchingConfig | None:
        """The settings of the version in `path`; None means that it runs unbatched.

        With `per_model_batching`, a model without a file of its own is not batched.
        """
        if self.batching is None or not self.per_model_batching:
            return self.batching
        file = pathlib.Path(path, PER_MODEL_BATCHING_FILE)
        if not file.exists():
            return None
        return BatchingConfig.from_text(file.read_text(encoding="utf-8"), str(file))
