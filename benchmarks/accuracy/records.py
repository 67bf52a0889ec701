"""What was measured: one JSON object a line, for each measurement that ended."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from benchmarks.accuracy.matrix import Cell
from pipeline.atomic_write import write_whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """One measurement.

    `accuracy` is over all test rows, `in_scope_accuracy` over those that belong to a
    label, `out_of_scope_recall` the share of the others that were recognised; both are
    None of data without such rows. `files` maps names to bytes. `pretrained` is the
    name of the encoder, `machine` the processor and its cores. `code` is the hash of
    the sources that ran, for `commit` does not see what was changed since.
    """

    dataset: str
    variant: str
    options: str
    seed: int
    settings: tuple[str, ...]
    pretrained: str
    accuracy: float
    macro_f1: float
    in_scope_accuracy: float | None = None
    out_of_scope_recall: float | None = None
    linear_accuracy: float | None = None
    linear_s: float | None = None
    train_s: float
    wall_s: float
    peak_memory_bytes: int
    files: Mapping[str, int] = dataclasses.field(default_factory=dict)
    parameters: int = 0
    trained_parameters: int = 0
    is_pushed: bool = True
    commit: str | None = None
    code: str = ""
    machine: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    ended_at: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """Equals `Cell.key` of what was measured."""
        return (
            *(self.dataset, self.variant, self.options, self.seed),
            *(self.settings, self.pretrained),
        )

    @property
    def headline(self) -> float:
        """The accuracy that is compared: of texts in scope, where some are not."""
        in_scope = self.in_scope_accuracy
        return self.accuracy if in_scope is None else in_scope

    @classmethod
    def from_json(cls, line: str) -> Self:
        """Reads what `to_json` wrote.

        Raises:
            TypeError, ValueError: It is something else.
        """
        values = json.loads(line)
        return cls(**{**values, "settings": tuple(values["settings"])})

    def to_json(self) -> str:
        """Writes one line."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)


class RecordFile:
    """The file of all records; a killed writer leaves the old one or the new one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> list[Record]:
        """Gives the records in their order, of equal keys only the latest.

        Raises:
            ValueError: A line is no record; the message says which.
        """
        found: dict[tuple[object, ...], Record] = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                record = Record.from_json(line)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{self._path}, line {number}, is no record of a measurement "
                    f"({error}); mend or remove it."
                ) from error
            found[record.key] = record
        return list(found.values())

    def append(self, record: Record) -> None:
        """Adds a record."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = [*self._lines(), record.to_json()]
        write_whole(self._path, "".join(f"{line}\n" for line in lines))

    def unfinished(self, cells: Iterable[Cell]) -> list[Cell]:
        """Lists those of the measurements of which there is no record."""
        done = {record.key for record in self.read()}
        return [cell for cell in cells if cell.key not in done]

    def _lines(self) -> list[str]:
        if not self._path.exists():
            return []
        # Not splitlines: JSON leaves other line ends within texts as they are.
        return [
            line for line in self._path.read_text("utf-8").split("\n") if line.strip()
        ]
