"""How requests are computed together: BatchingParameters, for every engine."""

import dataclasses

from google.protobuf import text_format

from serving import protos


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchingSettings:
    """What `batching.config` says; `None` leaves a choice to the server.

    The defaults suit a CPU. A timeout of 0 never lets a lone request wait: a batch is
    what came while all threads were busy. A request beyond `max_batch_size` is split,
    where upstream alone would refuse it. `num_batch_threads` `None` means one per core
    in TensorFlow's server; ours then leaves a core to the connections.
    """

    max_batch_size: int = 64
    batch_timeout_micros: int = 0
    max_enqueued_batches: int = 100
    num_batch_threads: int | None = None
    allowed_batch_sizes: tuple[int, ...] = ()
    enable_large_batch_splitting: bool = True
    max_execution_batch_size: int | None = None
    # The server pads with the first value of a row, which for token ids is the start
    # token and not the padding: for models that do not care.
    pad_variable_length_inputs: bool = False
    thread_pool_name: str | None = None

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "max_enqueued_batches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; must be 1 or more.")
        if self.num_batch_threads is not None and self.num_batch_threads < 1:
            raise ValueError(
                f"num_batch_threads is {self.num_batch_threads}; give 1 or more, or "
                "leave it out for one per core."
            )
        if self.batch_timeout_micros < 0:
            raise ValueError(
                f"batch_timeout_micros is {self.batch_timeout_micros}; 0 never waits."
            )
        self._check_sizes()

    def _check_sizes(self) -> None:
        sizes = self.allowed_batch_sizes
        if sizes and (
            list(sizes) != sorted(set(sizes)) or sizes[-1] != self.max_batch_size
        ):
            raise ValueError(
                f"allowed_batch_sizes {list(sizes)} must increase and end with "
                f"max_batch_size ({self.max_batch_size})."
            )
        executed = self.max_execution_batch_size
        if executed is None:
            return
        if not self.enable_large_batch_splitting:
            raise ValueError(
                f"max_execution_batch_size is {executed}; it counts only together with "
                "enable_large_batch_splitting."
            )
        if not 1 <= executed <= self.max_batch_size:
            raise ValueError(
                f"max_execution_batch_size is {executed}; allowed: 1 to max_batch_size "
                f"({self.max_batch_size})."
            )

    def to_text(self) -> str:
        """The file for `--batching_parameters_file`."""
        message = protos.BatchingParameters(
            allowed_batch_sizes=self.allowed_batch_sizes,
            pad_variable_length_inputs=self.pad_variable_length_inputs,
        )
        wrapped = {
            "max_batch_size": self.max_batch_size,
            "batch_timeout_micros": self.batch_timeout_micros,
            "max_enqueued_batches": self.max_enqueued_batches,
            "num_batch_threads": self.num_batch_threads,
            "enable_large_batch_splitting": self.enable_large_batch_splitting,
            "max_execution_batch_size": self.max_execution_batch_size,
            "thread_pool_name": self.thread_pool_name,
        }
        for name, value in wrapped.items():
            if value is not None:
                getattr(message, name).value = value
        return text_format.MessageToString(message)
