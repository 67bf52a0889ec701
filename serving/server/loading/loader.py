"""From a version directory to a servable that is ready for requests."""

import logging
import pathlib
import time
from collections.abc import Callable, Iterable

from serving.server.batching.config import BatchingConfig
from serving.server.flags import ServerFlags
from serving.server.loading import saved_model, warmup
from serving.server.loading.plain_path import plain_path
from serving.server.loading.session import config_proto, session_config
from serving.server.loading.tflite import TFLITE_FILE, TfliteServable
from serving.server.models.config import ModelEntry
from serving.server.models.version import ServedVersion
from serving.server.servable import Servable, WarmupReport
from serving.server.status import Code, StatusError

log = logging.getLogger(__name__)

PER_MODEL_BATCHING_FILE = "batching_params.pbtxt"

OnWarmupFile = Callable[[str, float, int, Code], None]


class SavedModelLoader:
    """Loads, says how to batch and warms up, in this order, as the flags say.

    Args:
        flags: of the server.
        on_warmup_file: gets path, seconds, requests and result of a recorded warm-up.

    Raises:
        StatusError: a file that a flag names cannot be read, or says nothing sensible.
    """

    def __init__(
        self, flags: ServerFlags, on_warmup_file: OnWarmupFile | None = None
    ) -> None:
        self._flags = flags
        self._on_warmup_file = on_warmup_file
        self._batching = BatchingConfig.from_flags(flags)
        batch_threads = 0 if self._batching is None else self._batching.threads
        self._session_config = session_config(flags, batch_threads)

    def __call__(self, entry: ModelEntry, version: ServedVersion) -> Servable:
        loaded = self._load(version.path)
        try:
            loaded.set_batching(self.batching_for(version.path))
            if self._flags.enable_model_warmup:
                loaded.warmup_report = self._warm_up(loaded, version)
        except BaseException:
            loaded.close()
            raise
        return loaded

    def _load(self, path: str) -> Servable:
        flags = self._flags
        tflite_file = pathlib.Path(path, TFLITE_FILE)
        if flags.prefer_tflite_model and tflite_file.exists():
            pools, size = flags.num_tflite_pools, flags.num_tflite_interpreters_per_pool
            return TfliteServable(tflite_file, max(pools, 1) * max(size, 1))
        tags = flags.saved_model_tags.split(",")
        config = config_proto(self._session_config)
        with plain_path(path) as plain:
            return saved_model.load(plain, tags, config)

    def _warm_up(self, loaded: Servable, version: ServedVersion) -> WarmupReport:
        start_s = time.monotonic()
        code, report = Code.OK, WarmupReport()
        try:
            iterations = self._flags.num_request_iterations_for_warmup
            report = warmup.warm_up(loaded, version.path, iterations)
        except StatusError as error:
            code = error.code
            raise
        finally:
            took_s = time.monotonic() - start_s
            is_recorded = warmup.file_of(version.path).exists()
            if self._on_warmup_file is not None and is_recorded:
                self._on_warmup_file(version.path, took_s, report.count, code)
        log.info("Warmed up %s %d: %d requests (%s) in %.2f s",
                 version.model_name, version.number, report.count, report.how,
                 took_s)  # fmt: skip
        return report

    def refresh(self, loaded: Iterable[ServedVersion]) -> None:
        """Reads the batching settings again, for what is loaded already, too.

        Raises:
            StatusError: the file says nothing sensible; the settings stay as they are.
        """
        batching = BatchingConfig.from_flags(self._flags)
        if batching == self._batching:
            return
        self._batching = batching
        log.info("Batching is now %s", batching)
        for version in loaded:
            try:
                version.servable.set_batching(self.batching_for(version.path))
            except StatusError as error:
                log.error("%s keeps its batching: %s", version.path, error)

    def batching_for(self, path: str) -> BatchingConfig | None:
        """Returns the settings of the version in `path`; None where it runs unbatched.

        A model that needs a file of its own, and has none, is not batched.
        """
        per_model = self._flags.enable_per_model_batching_parameters
        if self._batching is None or not per_model:
            return self._batching
        file = pathlib.Path(path, PER_MODEL_BATCHING_FILE)
        return BatchingConfig.from_file(file) if file.exists() else None
