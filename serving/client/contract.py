"""The names that a client and a served model must agree on. Standard library only.

`model.contract` gathers them with all others; TF Serving's own stand in
`wire.tf_serving_names`.
"""

import enum

MODEL_NAME = "classifier"
"""The name under which a server offers the model unless told otherwise."""

TEXT = "text"
"""The raw feature, as it comes in and as Examples carry it."""

# Tensors of the signatures.
LABELS = "labels"
SCORES = "scores"
TEXT_IS_UNKNOWN = "text_is_unknown"
"""True for a text without one known word piece. Models from before it lack it."""
IS_REJECTED = "is_rejected"
"""True where the answer is "none of these". Models without a threshold lack it."""


class Signature(str, enum.Enum):
    """Signatures of the exported SavedModel.

    `SERVING_DEFAULT`: `text` string `[B]` -> `labels` string `[B, K]`, `scores`
    float32 `[B, K]`, best first, `text_is_unknown` bool `[B]`, and of a model that
    rejects `is_rejected` bool `[B]`.
    `CLASSIFY`: serialised tf.Examples `inputs` string `[B]` -> `classes` string
    `[B, C]`, `scores` float32 `[B, C]`, in label order.
    `TOKEN_IDS`: `token_ids` int32 `[B, T]` -> `scores` float32 `[B, C]`, in label
    order.
    """

    SERVING_DEFAULT = "serving_default"
    CLASSIFY = "classify"
    TOKEN_IDS = "token_ids"

    # As enum.StrEnum, which Python 3.9 does not have.
    def __str__(self) -> str:
        return self.value
