"""Models and batches that are measured. No framework is imported here."""

import dataclasses
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self

# Most texts are shorter than this; it is what many pad to.
MAX_SEQUENCE_LENGTH = 64
# Labels of the first data set that comes to mind.
NUM_CLASSES = 77


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """A pre-LN encoder with mean and maximum pooled, and its batch: B rows of T tokens.

    The fields of a model are called as in `model.config.ModelConfig`.
    """

    hidden_dim: int
    num_layers: int
    num_heads: int
    intermediate_dim: int
    vocabulary_size: int
    rows: int
    tokens: int
    num_classes: int = NUM_CLASSES
    dropout: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    label_smoothing: float = 0.1

    @property
    def product_flops(self) -> int:
        """Floating-point operations of the matrix products of one step.

        Two for each multiplication; the backward pass has twice the forward pass's.
        """
        width, tokens = self.hidden_dim, self.rows * self.tokens
        layer = 4 * width * width + 2 * width * self.intermediate_dim
        attention = 2 * self.tokens * width
        head = self.rows * 2 * width * self.num_classes
        return 6 * (tokens * self.num_layers * (layer + attention) + head)

    def to_json(self) -> str:
        """One line, for `from_json` in another process."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        return cls(**json.loads(text))


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "small": Size(
            hidden_dim=128,
            num_layers=2,
            num_heads=4,
            intermediate_dim=256,
            vocabulary_size=1000,
            rows=64,
            tokens=16,
        ),
        "4x256": Size(
            hidden_dim=256,
            num_layers=4,
            num_heads=4,
            intermediate_dim=1024,
            vocabulary_size=8000,
            rows=64,
            tokens=32,
        ),
        "minilm": Size(
            hidden_dim=384,
            num_layers=6,
            num_heads=12,
            intermediate_dim=1536,
            vocabulary_size=30_522,
            rows=32,
            tokens=32,
        ),
    }
)
