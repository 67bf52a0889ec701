"""How requests are computed together: BatchingParameters as checked settings."""

import dataclasses
import pathlib
from typing import Any

from serving import protos
from serving.server.batching import cores
from serving.server.config_files import read_text_message
from serving.server.status import invalid_argument


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingConfig:
    """BatchingParameters with upstream's defaults, but large requests are split.

    `num_batch_threads` 0 takes what `cpu_share` says; upstream takes all cores.

    `batch_timeout_micros` 0 suits a CPU: a batch is what waited while all threads were
    busy, and a lone request never waits. `max_batch_size` limits a request, in rows;
    `max_execution_batch_size` (0: the same) what is computed at once; only where large
    requests are split can it be smaller.

    Raises:
        StatusError: INVALID_ARGUMENT, in upstream's words where it has any.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int = 0
    thread_pool_name: str = ""
    allowed_batch_sizes: tuple[int, ...] = ()
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = True
    max_execution_batch_size: int = 0

    def __post_init__(self) -> None:
        if not self.num_batch_threads:
            threads = cores.batch_threads(cores.available_cores())
            object.__setattr__(self, "num_batch_threads", threads)
        if not (self.max_execution_batch_size and self.enable_large_batch_splitting):
            object.__setattr__(self, "max_execution_batch_size", self.max_batch_size)
        self._check_numbers()
        self._check_sizes()

    def _check_numbers(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches", "num_batch_threads"):
            if getattr(self, name) < 1:
                raise invalid_argument(
                    f"{name} must be positive; was {getattr(self, name)}"
                )
        if self.batch_timeout_micros < 0:
            raise invalid_argument(
                "batch_timeout_micros must be non-negative; was "
                f"{self.batch_timeout_micros}"
            )
        if not 0 < self.max_execution_batch_size <= self.max_batch_size:
            raise invalid_argument(
                f"max_execution_batch_size must be from 1 to max_batch_size "
                f"({self.max_batch_size}); was {self.max_execution_batch_size}"
            )

    def _check_sizes(self) -> None:
        sizes = self.allowed_batch_sizes
        if not sizes:
            return
        limit = self.max_execution_batch_size
        if sizes[-1] != limit:
            raise invalid_argument(
                "Last entry in allowed_batch_sizes must match max_batch_size; "
                f"last entry was {sizes[-1]}; expected {limit}"
            )
        if sizes[0] < 1 or list(sizes) != sorted(set(sizes)):
            raise invalid_argument(
                "allowed_batch_sizes entries must be monotonically increasing; "
                f"received {list(sizes)}"
            )

    def padded_size(self, rows: int) -> int:
        """How many rows are computed for a batch of `rows`."""
        return next((s for s in self.allowed_batch_sizes if s >= rows), rows)

    @classmethod
    def from_proto(cls, parameters: Any) -> "BatchingConfig":
        """The settings of a BatchingParameters message; absent ones have defaults."""
        names = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {
            field.name: value.value if hasattr(value, "value") else value
            for field, value in parameters.ListFields()
            if field.name in names
        }
        if "allowed_batch_sizes" in values:
            values["allowed_batch_sizes"] = tuple(values["allowed_batch_sizes"])
        return cls(**values)

    @classmethod
    def from_file(cls, path: str | pathlib.Path) -> "BatchingConfig":
        """The settings of a text-format BatchingParameters file."""
        return cls.from_proto(read_text_message(path, protos.BatchingParameters))
