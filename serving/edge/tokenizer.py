"""Text to token ids in plain Python: the device's twin of `model/text/tokenization.py`.

Both give the same ids, id for id; a test compares them on every Unicode character. One
exception is known: characters younger than Python's tables. `unicode` does not fold
them (187 of Unicode 15 and 16, for Python 3.11), and their accents are not composed.
Standard library only.
"""

import re
import unicodedata
from collections.abc import Sequence

from . import bert_characters, contract

_CONTINUATION = "##"
_BREAK = "\n"
"""Stands for the end of a word; itself white space in both specifications."""
_WHITE_SPACE = "\t\n\f\r "
"""RE2's `\\s`: no vertical tab, nothing beyond ASCII."""
_ANY_SPACE = re.compile(f"([{contract.SPACES}])")
_SPECIAL_TOKEN = re.compile(
    "(" + "|".join(re.escape(token) for token in contract.SPECIAL_TOKENS) + ")"
)
_MOST_BYTES_PER_CHARACTER = 4
_CHINESE = re.compile(
    r"[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0002A6DF"
    r"\U0002A700-\U0002B73F\U0002B740-\U0002B81F\U0002B820-\U0002CEAF"
    r"\U0002F800-\U0002FA1F]"
)
_NEW_PUNCTUATION = re.compile(
    r"[\u061D\u1B7D\u1B7E\u2E53-\u2E5D\U00010F86-\U00010F89\U000116B9"
    r"\U00012FF1\U00012FF2\U00011B00-\U00011B09\U00011F43-\U00011F4F]"
)
"""Unicode 14 and 15, which RE2 knows and the `unicodedata` of Python 3.9 does not."""
_NEWER_PUNCTUATION = re.compile(
    r"[\u1B4E\u1B4F\u1B7F\U00010D6E\U00010ED0\U000113D4\U000113D5\U000113D7"
    r"\U000113D8\U00011BE1\U00016D6D-\U00016D6F\U0001E5FF]"
)
"""Unicode 16 and 17, which RE2 does not know and the `unicodedata` of Python 3.14
does."""
_IGNORABLE = re.compile(
    r"[\u00AD\u061C\u115F-\u1160\u180E\u200B-\u200F\u202A-\u202E\u2060-\u206F"
    r"\u3164\uFEFF\uFFA0\uFFF0-\uFFF8\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A"
    r"\U000E0000-\U000E0FFF]"
)
"""Default_Ignorable_Code_Point, which NFKC_Casefold removes, but for combining marks,
which go anyway."""


class Tokenizer:
    """Turns one text into ids: start token, word pieces, end token.

    Raises:
        ValueError: the vocabulary lacks a special token.
    """

    def __init__(
        self, vocabulary: Sequence[str], config: contract.TokenizerConfig
    ) -> None:
        needed = (contract.UNKNOWN, contract.START, contract.END)
        missing = [token for token in needed if token not in vocabulary]
        if missing:
            raise ValueError(
                f"The vocabulary ({len(vocabulary)} tokens) lacks {missing}."
            )
        self._ids = {token: row for row, token in enumerate(vocabulary)}
        self._unknown_id, self._start_id, self._end_id = (self._ids[t] for t in needed)
        self._special_ids = {
            self._ids[token] for token in contract.SPECIAL_TOKENS if token in self._ids
        }
        self._max_pieces = config.max_sequence_length - 2
        self._config = config
        self._spellings = _Spellings(config)

    def __call__(self, text: str) -> list[int]:
        """Gives two ids or more, `max_sequence_length` at most, without padding."""
        pieces: list[int] = []
        for word in self.split(text):
            pieces += self.word_pieces(word)
            if len(pieces) >= self._max_pieces:
                break
        return [self._start_id, *pieces[: self._max_pieces], self._end_id]

    def is_unknown(self, token_ids: Sequence[int]) -> bool:
        """Says whether ids that this has made hold not one known word piece."""
        return self._special_ids.issuperset(token_ids)

    def split(self, text: str) -> list[str]:
        if self._config.spec is contract.TokenizerSpec.BERT:
            return self._split_as_bert(text)
        if self._config.normalize_unicode:
            text = _compose(text)
        elif self._config.spec is contract.TokenizerSpec.MEDIAPIPE:
            text = text.partition("\0")[0]  # MediaPipe's splitter reads C strings.
        return [w for w in text.translate(self._spellings).split(_BREAK) if w]

    def _split_as_bert(self, text: str) -> list[str]:
        """Special tokens written in the text are words, as they are to the original."""
        words: list[str] = []
        for part in _SPECIAL_TOKEN.split(text):
            if part in contract.SPECIAL_TOKENS:
                words.append(part)
            else:
                words += part.translate(self._spellings).split()
        return words

    def word_pieces(self, word: str) -> list[int]:
        """Longest match first; one unknown id for a word that cannot be spelt."""
        if self._is_too_long(word):
            return [self._unknown_id]
        pieces, start, prefix = [], 0, ""
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = self._ids.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return [self._unknown_id]
            pieces.append(piece)
            start, prefix = end, _CONTINUATION
        return pieces

    def _is_too_long(self, word: str) -> bool:
        if self._config.spec is contract.TokenizerSpec.BERT:
            return len(word) > contract.MAX_WORD_CHARACTERS
        return len(word.encode("utf-8", "replace")) > contract.MAX_WORD_BYTES


class _Spellings(dict[int, str]):
    """For `str.translate`: each character normalised, words set apart by `_BREAK`.

    Filled as characters occur.
    """

    def __init__(self, config: contract.TokenizerConfig) -> None:
        super().__init__()
        self._config = config
        if config.spec is not contract.TokenizerSpec.BERT and config.normalize_unicode:
            self.update(dict.fromkeys(map(ord, contract.SPACES), _BREAK))

    def __missing__(self, code_point: int) -> str:
        self[code_point] = self._spelling(code_point)
        return self[code_point]

    def _spelling(self, code_point: int) -> str:
        if self._config.spec is contract.TokenizerSpec.BERT:
            return bert_characters.spelling(code_point, self._config)
        is_mediapipe = self._config.spec is contract.TokenizerSpec.MEDIAPIPE
        normalize = _lower_ascii if is_mediapipe else _fold
        return "".join(map(_set_apart, normalize(chr(code_point))))


def _compose(text: str) -> str:
    """NFC, but for chunks between spaces that only an attacker writes.

    It takes time that grows with the square of a run of accents, minutes for a
    megabyte.
    """
    if text.isascii():
        return text
    if _MOST_BYTES_PER_CHARACTER * len(text) <= contract.MAX_COMPOSED_BYTES:
        return unicodedata.normalize("NFC", text)
    return "".join(
        unicodedata.normalize("NFC", chunk)
        if len(chunk.encode("utf-8", "surrogatepass")) <= contract.MAX_COMPOSED_BYTES
        else chunk
        for chunk in _ANY_SPACE.split(text)
    )


def _set_apart(character: str) -> str:
    if character in _WHITE_SPACE:
        return _BREAK
    if _is_punctuation(character) or _CHINESE.match(character):
        return _BREAK + character + _BREAK
    return character


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum()
    if unicodedata.category(character).startswith("P"):
        return _NEWER_PUNCTUATION.match(character) is None
    return _NEW_PUNCTUATION.match(character) is not None


def _lower_ascii(character: str) -> str:
    return character.lower() if character.isascii() else character


def _fold(character: str) -> str:
    """Case folded (NFKC_Casefold), without accents; control codes become spaces."""
    if _IGNORABLE.match(character):
        return ""
    folded = unicodedata.normalize("NFD", character)
    for _ in range(2):  # Folding may give what NFKC changes, and the reverse.
        folded = unicodedata.normalize("NFKC", folded.casefold())
    return "".join(
        " " if unicodedata.category(part) in ("Cc", "Cf") else part
        for part in unicodedata.normalize("NFD", folded)
        if unicodedata.category(part) != "Mn"
    )
