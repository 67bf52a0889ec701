"""Which rows are read, accepted, and put aside for validation and test."""

import dataclasses

from model import contract


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig:
    """What to read, and which rows to accept."""

    text_column: str = contract.TEXT
    label_column: str = contract.LABEL
    max_text_bytes: int = 65_536
    """A longer text is dropped: most often an unclosed quote swallowed many rows."""
    max_dropped_fraction: float = 0.05
    """More unusable rows than this stop the run: the file is not what it seems."""
    min_rows_per_label: int = 2
    """In the train split, which every class must be learnt from."""
    validation_fraction: float = 0.1
    test_fraction: float = 0.1

    def __post_init__(self) -> None:
        for name in ("validation_fraction", "test_fraction", "max_dropped_fraction"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"data.{name} is {value}; it must be in [0, 1).")
        if self.validation_fraction == 0:
            raise ValueError("data.validation_fraction is 0; training needs some.")
        if self.validation_fraction + self.test_fraction >= 0.9:
            raise ValueError(
                "data.validation_fraction and data.test_fraction leave less than a "
                "tenth of the rows to learn from."
            )
