"""Which rows are read, accepted, and put aside for validation and test."""

import dataclasses

from model import contract
from model.settings import Settings, quoted, setting
from serving.text_files.rows import MAX_TEXT_BYTES


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Settings):
    """What to read, and which rows to accept."""

    section = "data"

    text_column: str = contract.TEXT
    label_column: str = contract.LABEL
    max_text_bytes: int = setting(MAX_TEXT_BYTES, least=1, most=16_777_216)
    """A longer text is dropped: most often an unclosed quote swallowed many rows."""
    max_dropped_fraction: float = setting(0.05, least=0, below=1)
    """More unusable rows than this stop the run: the file is not what it seems."""
    min_rows_per_label: int = setting(2, least=1, most=1_000_000)
    """In the train split, which every class must be learnt from."""
    validation_fraction: float = setting(0.1, above=0, below=0.9)
    test_fraction: float = setting(0.1, least=0, below=0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.validation_fraction + self.test_fraction >= 0.9:
            raise ValueError(
                f"data.validation_fraction ({self.validation_fraction}) and "
                f"data.test_fraction ({self.test_fraction}) leave less than a tenth of "
                "the rows to learn from; allowed: less than 0.9 together."
            )
        if self.text_column == self.label_column:
            raise ValueError(
                f"data.text_column and data.label_column are both "
                f"{quoted(self.text_column)}; name two columns."
            )
