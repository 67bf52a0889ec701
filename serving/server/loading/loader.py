"""From a version directory to a servable that is ready for requests."""

import dataclasses
import logging
import pathlib
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags
from serving.server.loading import saved_model, warmup
from serving.server.loading.session import config_proto, session_config
from serving.server.loading.tflite import TFLITE_FILE, TfliteConfig, TfliteServable
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError

log = logging.getLogger(__name__)

PER_MODEL_BATCHING_FILE = "batching_params.pbtxt"

OnWarmupFile = Callable[[str, float, int, Code], None]


@dataclasses.dataclass(kw_only=True)
class SavedModelLoader:
    """Loads, says how to batch and warms up, in this order.

    Attributes:
        batching: of the server; see `change_batching`.
        per_model_batching: take it from a file beside each model instead.
        warmup: run requests before the first client does.
        warmup_iterations: how often each recorded one runs.
        tags: of the MetaGraphDef to load.
        session_config: fields of a ConfigProto; see `session`.
        tflite: take a `model.tflite`, where there is one, instead of the SavedModel.
        on_warmup_file: gets path, seconds, requests and result of a recorded warm-up.
    """

    batching: BatchingConfig | None = None
    per_model_batching: bool = False
    warmup: bool = True
    warmup_iterations: int = 1
    tags: tuple[str, ...] = ("serve",)
    session_config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tflite: TfliteConfig | None = None
    on_warmup_file: OnWarmupFile | None = None

    def __call__(self, entry: ModelEntry, version: ServedVersion) -> Servable:
        loaded = self._load(version.path)
        try:
            loaded.set_batching(self.batching_for(version.path))
            if self.warmup:
                loaded.warmup_report = self._warm_up(loaded, version)
        except BaseException:
            loaded.close()
            raise
        return loaded

    def _load(self, path: str) -> Servable:
        tflite_file = pathlib.Path(path, TFLITE_FILE)
        if self.tflite is not None and tflite_file.exists():
            return TfliteServable(tflite_file, self.tflite)
        return saved_model.load(path, self.tags, config_proto(self.session_config))

    def _warm_up(self, loaded: Servable, version: ServedVersion) -> WarmupReport:
        start_s = time.monotonic()
        code, report = Code.OK, WarmupReport()
        try:
            report = warmup.warm_up(loaded, version.path, self.warmup_iterations)
        except StatusError as error:
            code = error.code
            raise
        finally:
            took_s = time.monotonic() - start_s
            is_recorded = warmup.file_of(version.path).exists()
            if self.on_warmup_file is not None and is_recorded:
                self.on_warmup_file(version.path, took_s, report.count, code)
        log.info("Warmed up %s %d: %d requests (%s) in %.2f s",
                 version.model_name, version.number, report.count, report.how,
                 took_s)  # fmt: skip
        return report

    def change_batching(
        self, batching: BatchingConfig | None, loaded: Iterable[ServedVersion]
    ) -> None:
        """Takes other settings, for versions that are loaded already, too."""
        if batching == self.batching:
            return
        self.batching = batching
        log.info("Batching is now %s", batching)
        for version in loaded:
            try:
                version.servable.set_batching(self.batching_for(version.path))
            except StatusError as error:
                log.error("%s keeps its batching: %s", version.path, error)

    def batching_for(self, path: str) -> BatchingConfig | None:
        """Returns the settings of the version in `path`; None where it runs unbatched.

        With `per_model_batching`, a model without a file of its own is not batched.
        """
        if self.batching is None or not self.per_model_batching:
            return self.batching
        file = pathlib.Path(path, PER_MODEL_BATCHING_FILE)
        if not file.exists():
            return None
        return BatchingConfig.from_file(file)


def saved_model_loader(
    flags: ServerFlags, on_warmup_file: OnWarmupFile | None = None
) -> SavedModelLoader:
    """Makes the loader that the flags describe.

    Raises:
        StatusError: a file that a flag names cannot be read, or says nothing sensible.
    """
    tflite = TfliteConfig(
        num_pools=flags.num_tflite_pools,
        num_interpreters_per_pool=flags.num_tflite_interpreters_per_pool,
    )
    batching = BatchingConfig.from_flags(flags)
    return SavedModelLoader(
        batching=batching,
        per_model_batching=flags.enable_per_model_batching_parameters,
        warmup=flags.enable_model_warmup,
        warmup_iterations=flags.num_request_iterations_for_warmup,
        tags=tuple(flags.saved_model_tags.split(",")),
        session_config=session_config(
            flags, batching.threads if batching is not None else 0
        ),
        tflite=tflite if flags.prefer_tflite_model else None,
        on_warmup_file=on_warmup_file,
    )
