"""From a version directory to a servable that is ready for requests."""

import dataclasses
import logging
import pathlib
from collections.abc import Mapping
from typing import Any

from serving.server import servable, warmup
from serving.server.batching import BatchingConfig
from serving.server.low_priority import run_at_low_priority
from serving.server.models import ModelEntry
from serving.server.served_version import Servable, ServedVersion
from serving.server.session_options import config_proto

log = logging.getLogger(__name__)

PER_MODEL_BATCHING_FILE = "batching_params.pbtxt"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SavedModelLoader:
    """Loads, says how to batch and warms up, in this order.

    `session_config` has the fields of a ConfigProto; see `session_options`.
    """

    batching: BatchingConfig | None = None
    per_model_batching: bool = False
    warmup: bool = True
    warmup_iterations: int = 1
    tags: tuple[str, ...] = ("serve",)
    session_config: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __call__(self, entry: ModelEntry, version: ServedVersion) -> Servable:
        # Not at low priority: TensorFlow's threads start here, and requests need them.
        session = servable.new_session(config_proto(self.session_config))
        return run_at_low_priority(lambda: self._load(session, entry, version))

    def _load(
        self, session: Any, entry: ModelEntry, version: ServedVersion
    ) -> servable.SavedModelServable:
        loaded = servable.load_into(session, version.path, self.tags)
        try:
            loaded.set_batching(self.batching_for(version.path))
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
