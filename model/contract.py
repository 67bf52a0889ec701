"""Every name that crosses a process: features, tensors, signatures, files, tokens.

Standard library only, so that the client and the device can import it.
"""

import dataclasses
import enum
import json

# Raw features, as they come in and as Examples carry them.
TEXT = "text"
LABEL = "label"

# Transformed features.
TOKEN_IDS = "token_ids"
LABEL_ID = "label_id"

# Tensors of the signatures.
LABELS = "labels"
SCORES = "scores"
CLASSES = "classes"
EXAMPLES = "inputs"

# Splits, in the order in which they are shown.
TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)

MODEL_NAME = "classifier"
"""The name under which a server offers the model unless told otherwise."""

PAD, UNKNOWN, START, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNKNOWN, START, END, MASK)
"""The first rows of every vocabulary; the position is the id, so padding is 0."""
PAD_ID = 0
MAX_WORD_BYTES = 100
"""A longer word becomes one `UNKNOWN`; MediaPipe and tf-text count UTF-8 bytes."""

VOCABULARY_FILE = "vocab.txt"
LABELS_FILE = "labels.txt"
TOKENIZER_FILE = "tokenizer.json"

SERVING_DIR = "serving_model"
EDGE_DIR = "edge"
VOCABULARY_DIR = "vocabulary_dir"
"""Key of the vocabulary's folder in the preprocessing function's `custom_config`."""

PROGRESS_LOGGER = "keras_transformer_pipeline.progress"
"""Training logs a record here per step, with a `Progress` as its `progress`."""

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""In a SavedModel: what TF Serving runs before it calls a version available."""
MAX_WARMUP_RECORDS = 1000
"""With more of them, it refuses to load the version."""

KERAS_FILE = "classifier.keras"
FLOAT32_TFLITE = "model.tflite"
INT8_TFLITE = "model_int8.tflite"


class Engine(enum.StrEnum):
    """Programs that serve a model; `AUTO` takes the first of the others there is."""

    AUTO = "auto"
    TENSORFLOW_MODEL_SERVER = "tensorflow_model_server"
    DOCKER = "docker"
    EMBEDDED = "embedded"


class Signature(enum.StrEnum):
    """Signatures of the exported SavedModel.

    `SERVING_DEFAULT`: `text` string `[B]` -> `labels` string `[B, K]`, `scores`
    float32 `[B, K]`, best first.
    `CLASSIFY`: serialised tf.Examples `inputs` string `[B]` -> `classes` string
    `[B, C]`, `scores` float32 `[B, C]`, in label order.
    `TOKEN_IDS`: `token_ids` int32 `[B, T]` -> `scores` float32 `[B, C]`, in label
    order.
    """

    SERVING_DEFAULT = "serving_default"
    CLASSIFY = "classify"
    TOKEN_IDS = "token_ids"


class TokenizerSpec(enum.StrEnum):
    """`MEDIAPIPE` lower-cases ASCII only; `UNICODE` folds case and strips accents."""

    MEDIAPIPE = "mediapipe"
    UNICODE = "unicode"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """How text becomes token ids, in training, in the server and on the device.

    `max_sequence_length` counts the start and the end token.
    """

    spec: TokenizerSpec = TokenizerSpec.MEDIAPIPE
    max_sequence_length: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", TokenizerSpec(self.spec))
        if self.max_sequence_length < 3:
            raise ValueError(
                f"max_sequence_length is {self.max_sequence_length}; it must be at "
                "least 3: a start token, one word piece and an end token."
            )

    def to_json(self) -> str:
        """Writes one line, for `TOKENIZER_FILE`."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "TokenizerConfig":
        """Reads what `to_json` wrote; an unknown key raises `TypeError`."""
        return cls(**json.loads(text))


def parse_lines(text: str) -> list[str]:
    """Splits the text of a `VOCABULARY_FILE` or `LABELS_FILE`; line number = id.

    Only a line feed ends a line: `str.splitlines` would also split at U+2028 and more.
    """
    return text.removesuffix("\n").split("\n")
