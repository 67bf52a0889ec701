"""The names that a device and an exported model must agree on. Standard library only.

`model.contract` gathers them with all others. The few that a client also needs stand
in `serving.client.contract` too, because neither may import the other; a test compares.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence

# Tensors of the signature, and the feature that a line of the scorer's input carries.
TOKEN_IDS = "token_ids"
SCORES = "scores"
TEXT = "text"

PAD, UNKNOWN, START, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL_TOKENS = (PAD, UNKNOWN, START, END, MASK)
"""The first rows of every vocabulary; the position is the id, so padding is 0."""
PAD_ID = 0
MAX_WORD_BYTES = 100
"""A longer word becomes one `UNKNOWN`; MediaPipe and tf-text count UTF-8 bytes."""
MAX_WORD_CHARACTERS = 100
"""The same for `bert`, whose original counts characters."""

SPACES = (
    "\0\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
    "\u2006\u2007\u2008\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
)
"""What ends a word with `normalize_unicode`: Unicode's White_Space, ASCII's separators,
the two spaces without width (U+200B, U+FEFF), and NUL."""
MAX_COMPOSED_BYTES = 4096
"""With `normalize_unicode` more UTF-8 bytes without a space are left as they are."""

VOCABULARY_FILE = "vocab.txt"
LABELS_FILE = "labels.txt"
TOKENIZER_FILE = "tokenizer.json"
REJECTION_FILE = "rejection.json"
"""Only with a model that rejects."""
DIGEST_FILE = "digest.json"
"""Ties the model to the other files: see `digest_of`."""
DIGEST_FORMAT = 1

EDGE_DIR = "edge"
FLOAT32_TFLITE = "model.tflite"
INT8_TFLITE = "model_int8.tflite"

# Python 3.9 has no keyword-only dataclasses.
KEYWORD_ONLY = {"kw_only": True} if sys.version_info >= (3, 10) else {}


class TokenizerSpec(str, enum.Enum):
    """`MEDIAPIPE` lower-cases ASCII only; `UNICODE` folds case and strips accents.

    `BERT` gives the ids of BERT's original tokeniser, for a pretrained encoder.
    """

    MEDIAPIPE = "mediapipe"
    UNICODE = "unicode"
    BERT = "bert"

    # As enum.StrEnum, which Python 3.9 does not have.
    def __str__(self) -> str:
        return self.value


@dataclasses.dataclass(frozen=True, **KEYWORD_ONLY)
class TokenizerConfig:
    """How text becomes token ids, in training, in the server and on the device.

    `max_sequence_length` counts the start and the end token. With `normalize_unicode`
    accents are composed first (NFC) and each of `SPACES` ends a word; without it
    `mediapipe` does exactly what MediaPipe's BertTokenizer does.

    The last three are for `bert` alone, which `normalize_unicode` does not change.
    `strip_accents` None does as `lower_case` does; `tokenize_chinese_chars` makes a
    word of each Chinese character.
    """

    spec: TokenizerSpec = TokenizerSpec.MEDIAPIPE
    max_sequence_length: int = 64
    normalize_unicode: bool = True
    lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", TokenizerSpec(self.spec))
        if self.max_sequence_length < 3:
            raise ValueError(
                f"max_sequence_length is {self.max_sequence_length}; it must be at "
                "least 3: a start token, one word piece and an end token."
            )

    @property
    def strips_accents(self) -> bool:
        """What `strip_accents` comes to."""
        return self.lower_case if self.strip_accents is None else self.strip_accents

    def to_json(self) -> str:
        """Writes one line, for `TOKENIZER_FILE`.

        What is for `bert` alone stands there for `bert` alone, so that an older device
        reads the others' files.
        """
        values = dataclasses.asdict(self)
        if self.spec is not TokenizerSpec.BERT:
            for name in ("lower_case", "strip_accents", "tokenize_chinese_chars"):
                del values[name]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> TokenizerConfig:
        """Reads what `to_json` wrote; an unknown key raises `TypeError`.

        A file without `normalize_unicode` is older than it, and its model never saw
        text that was normalised.
        """
        return cls(**{"normalize_unicode": False, **json.loads(text)})


@dataclasses.dataclass(frozen=True, **KEYWORD_ONLY)
class Rejection:
    """When the answer is "none of these", in the server and on the device.

    That is where the best score is below `threshold`, and where the best label is
    `label`: the one that means "none of these", in data that has one.
    """

    threshold: float
    label: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:  # Refuses NaN, too.
            raise ValueError(f"threshold is {self.threshold}; allowed: 0 to 1.")

    def rejects(self, labels: Sequence[str], scores: Sequence[float]) -> bool:
        """Says whether the answer is "none of these"; both come best first."""
        if labels[0] == self.label:
            return True
        return scores[0] < self.threshold

    def to_json(self) -> str:
        """Writes one line, for `REJECTION_FILE`."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Rejection:
        """Reads what `to_json` wrote; an unknown key raises `TypeError`."""
        return cls(**json.loads(text))


def digest_of(model: bytes | memoryview, parts: Mapping[str, bytes]) -> str:
    """Writes `DIGEST_FILE`: the SHA-256 of a model and of what goes with it."""
    found = hashlib.sha256()
    for name, content in (("", model), *sorted(parts.items())):
        found.update(f"{name}\0{len(content)}\0".encode())
        found.update(content)
    return json.dumps({"format": DIGEST_FORMAT, "sha256": found.hexdigest()})


def parse_lines(text: str) -> list[str]:
    """Splits the text of a `VOCABULARY_FILE` or `LABELS_FILE`; line number = id.

    Only a line feed ends a line: `str.splitlines` would also split at U+2028 and more.
    """
    return text.removesuffix("\n").split("\n")
