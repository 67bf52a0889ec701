"""Every name that crosses a process: features, tensors, signatures, files, tokens.

Those that a client or a device needs stand in `serving.client.contract` and
`serving.edge.contract`, which are distributed alone; here are all. Standard library
only, so that every command can import it.
"""

import enum

from serving.client.contract import (
    IS_REJECTED,
    LABELS,
    MODEL_NAME,
    SCORES,
    TEXT,
    TEXT_IS_UNKNOWN,
    Signature,
)
from serving.edge.contract import (
    DIGEST_FILE,
    DIGEST_FORMAT,
    EDGE_DIR,
    END,
    FLOAT32_TFLITE,
    INT8_TFLITE,
    LABELS_FILE,
    MASK,
    MAX_COMPOSED_BYTES,
    MAX_WORD_BYTES,
    MAX_WORD_CHARACTERS,
    PAD,
    PAD_ID,
    REJECTION_FILE,
    SPACES,
    SPECIAL_TOKENS,
    START,
    TOKEN_IDS,
    TOKENIZER_FILE,
    UNKNOWN,
    VOCABULARY_FILE,
    Rejection,
    TokenizerConfig,
    TokenizerSpec,
    digest_of,
    parse_lines,
)

__all__ = [
    "CLASSES",
    "COMPLETE_PREFIX",
    "DIGEST_FILE",
    "DIGEST_FORMAT",
    "EDGE_DIR",
    "END",
    "EXAMPLES",
    "FLOAT32_TFLITE",
    "INT8_TFLITE",
    "IS_REJECTED",
    "KERAS_FILE",
    "LABEL",
    "LABELS",
    "LABELS_FILE",
    "LABEL_ID",
    "MADE_UP",
    "MASK",
    "MAX_COMPOSED_BYTES",
    "MAX_WARMUP_RECORDS",
    "MAX_WORD_BYTES",
    "MAX_WORD_CHARACTERS",
    "MODEL_NAME",
    "NO_LABEL",
    "NO_LABEL_ID",
    "PAD",
    "PAD_ID",
    "PROGRESS_LOGGER",
    "REJECTION_FILE",
    "SCORES",
    "SERVING_DIR",
    "SPACES",
    "SPECIAL_TOKENS",
    "SPLITS",
    "STAGING_PREFIX",
    "START",
    "TEACHER_SCORES",
    "TEST",
    "TEXT",
    "TEXT_IS_UNKNOWN",
    "TOKENIZER_FILE",
    "TOKEN_IDS",
    "TRAIN",
    "UNKNOWN",
    "UNLABELLED",
    "VALIDATION",
    "VOCABULARY_DIR",
    "VOCABULARY_FILE",
    "WARMUP_FILE",
    "WITHDRAWN_PREFIX",
    "Engine",
    "Rejection",
    "Signature",
    "TokenizerConfig",
    "TokenizerSpec",
    "digest_of",
    "parse_lines",
]

# The other raw feature, beside `TEXT`.
LABEL = "label"

# The other transformed feature, beside `TOKEN_IDS`.
LABEL_ID = "label_id"

# What a teacher says of a row: the logarithm of its scores in label order, as the bytes
# of float16. And the label of a row that only a teacher has seen, raw and transformed.
TEACHER_SCORES = "teacher_scores"
NO_LABEL = ""
NO_LABEL_ID = -1

# Tensors of the Classify signature.
CLASSES = "classes"
EXAMPLES = "inputs"

# Splits, in the order in which they are shown.
TRAIN = "train"
VALIDATION = "validation"
TEST = "test"
SPLITS = (TRAIN, VALIDATION, TEST)

# What a student learns from besides, by its teacher's scores alone.
UNLABELLED = "unlabelled"
MADE_UP = "made_up"

SERVING_DIR = "serving_model"
STAGING_PREFIX = ".staging-"
"""Begins the name of a version that is not whole yet; no server reads it."""
COMPLETE_PREFIX = ".complete-"
"""Begins the name of a file: all that is staged of that version is whole."""
WITHDRAWN_PREFIX = ".withdrawn-"
"""Begins the name of a version that somebody took back; no server reads it."""
VOCABULARY_DIR = "vocabulary_dir"
"""Key of the vocabulary's folder in the preprocessing function's `custom_config`."""

PROGRESS_LOGGER = "keras_transformer_pipeline.progress"
"""What takes long logs a record here per step: its `progress` is told and drawn."""

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
"""In a SavedModel: what TF Serving runs before it calls a version available."""
MAX_WARMUP_RECORDS = 1000
"""With more of them, it refuses to load the version."""

KERAS_FILE = "classifier.keras"


class Engine(enum.StrEnum):
    """Programs that serve a model; `AUTO` takes the first of the others there is."""

    AUTO = "auto"
    TENSORFLOW_MODEL_SERVER = "tensorflow_model_server"
    DOCKER = "docker"
    EMBEDDED = "embedded"
