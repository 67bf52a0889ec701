"""How requests are computed together: BatchingParameters as checked settings.

One class for the launcher, which writes the file, and for the server, which reads it.
"""

import dataclasses
import functools
import pathlib
from typing import Any

from google.protobuf import text_format

from serving.client import protos
from serving.server.batching import cores
from serving.server.config_files import parse_message, read_settings
from serving.server.flags import ServerFlags


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingConfig:
    """BatchingParameters with upstream's defaults, but large requests are split.

    `None` leaves a choice to the server, and is not written.

    `batch_timeout_micros` 0 suits a CPU: a batch is what waited while all threads were
    busy, and a lone request never waits. `max_batch_size` limits a request, in rows;
    `max_execution_batch_size` what is computed at once; only where large requests are
    split can it be smaller. `num_batch_threads` `None` takes what `cores` says here,
    and all cores in TensorFlow's server.

    Raises:
        ValueError: in upstream's words where it has any.
    """

    max_batch_size: int = 1000
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 10
    num_batch_threads: int | None = None
    thread_pool_name: str = ""
    allowed_batch_sizes: tuple[int, ...] = ()
    # The server pads with the first value of a row, which for token ids is the start
    # token and not the padding: for models that do not care.
    pad_variable_length_inputs: bool = False
    enable_large_batch_splitting: bool = True
    max_execution_batch_size: int | None = None

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_sizes()

    def _check_numbers(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive; was {getattr(self, name)}")
        if self.num_batch_threads is not None and self.num_batch_threads < 1:
            raise ValueError(
                f"num_batch_threads must be positive; was {self.num_batch_threads}; "
                "leave it out for the server's choice"
            )
        if self.batch_timeout_micros < 0:
            raise ValueError(
                "batch_timeout_micros must be non-negative; was "
                f"{self.batch_timeout_micros}; 0 never waits"
            )

    def _check_sizes(self) -> None:
        executed = self.max_execution_batch_size
        if executed is not None and not self.enable_large_batch_splitting:
            raise ValueError(
                f"max_execution_batch_size is {executed}; it counts only together with "
                "enable_large_batch_splitting"
            )
        if not 0 < self.largest_batch <= self.max_batch_size:
            raise ValueError(
                "max_execution_batch_size must be from 1 to max_batch_size "
                f"({self.max_batch_size}); was {executed}"
            )
        sizes = self.allowed_batch_sizes
        if sizes and sizes[-1] != self.largest_batch:
            raise ValueError(
                "Last entry in allowed_batch_sizes must match max_batch_size; "
                f"last entry was {sizes[-1]}; expected {self.largest_batch}"
            )
        if sizes and (sizes[0] < 1 or list(sizes) != sorted(set(sizes))):
            raise ValueError(
                "allowed_batch_sizes entries must be monotonically increasing; "
                f"received {list(sizes)}"
            )

    @functools.cached_property
    def largest_batch(self) -> int:
        """Rows that are computed at once, at most."""
        if self.max_execution_batch_size is None:
            return self.max_batch_size
        return self.max_execution_batch_size

    @functools.cached_property
    def threads(self) -> int:
        """Batches that are computed at a time."""
        if self.num_batch_threads is None:
            return cores.batch_threads(cores.available_cores())
        return self.num_batch_threads

    def padded_size(self, rows: int) -> int:
        """Says how many rows are computed for a batch of `rows`."""
        return next((s for s in self.allowed_batch_sizes if s >= rows), rows)

    def to_text(self) -> str:
        """Writes the file for `--batching_parameters_file`."""
        bare = ("allowed_batch_sizes", "pad_variable_length_inputs")
        fields = {
            name: value if name in bare else {"value": value}
            for name, value in dataclasses.asdict(self).items()
            if value not in (None, "")
        }
        return text_format.MessageToString(protos.BatchingParameters(**fields))

    @classmethod
    def from_text(cls, text: str) -> "BatchingConfig":
        """Reads a text-format BatchingParameters; absent settings have defaults.

        As upstream reads it: 0 threads, and what counts for nothing, are left out.
        """
        message = parse_message(text, protos.BatchingParameters)
        names = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, Any] = {
            field.name: getattr(value, "value", value)
            for field, value in message.ListFields()
            if field.name in names
        }
        values["allowed_batch_sizes"] = tuple(message.allowed_batch_sizes)
        for name in ("num_batch_threads", "max_execution_batch_size"):
            values[name] = values.get(name) or None
        if not values.get("enable_large_batch_splitting", True):
            values["max_execution_batch_size"] = None
        return cls(**values)

    @classmethod
    def from_file(cls, path: str | pathlib.Path) -> "BatchingConfig":
        """Reads a file. Raises `StatusError` for one that cannot be used."""
        return read_settings(path, cls.from_text)

    @classmethod
    def from_flags(cls, flags: ServerFlags) -> "BatchingConfig | None":
        """Takes what the flags say; None: no batching. Raises as `from_file` does."""
        if not flags.enable_batching:
            return None
        path = flags.batching_parameters_file
        return cls.from_file(path) if path else cls()
