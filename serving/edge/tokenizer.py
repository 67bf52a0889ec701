"""Text to token ids in plain Python: the device's twin of `model/text/tokenization.py`.

Both give the same ids, id for id; a test compares them on every Unicode character. One
exception is known: `unicode` does not fold characters that are younger than Python's
tables (187 of Unicode 15 and 16, for Python 3.11). Standard library only.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from model import contract

_CONTINUATION = "##"
_BREAK = "\n"
"""Stands for the end of a word; itself white space in both specifications."""
_WHITE_SPACE = "\t\n\f\r "
"""RE2's `\\s`: no vertical tab, nothing beyond ASCII."""
_CHINESE = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_NEW_PUNCTUATION = ((0x11B00, 0x11B09), (0x11F43, 0x11F4F))
"""Unicode 15, which RE2 knows and the `unicodedata` of Python 3.11 does not."""
_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
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
        self._max_pieces = config.max_sequence_length - 2
        self._spec = config.spec
        self._spellings = _Spellings(config.spec)

    def __call__(self, text: str) -> list[int]:
        """Gives two ids or more, `max_sequence_length` at most, without padding."""
        pieces: list[int] = []
        for word in self.split(text):
            pieces += self.word_pieces(word)
            if len(pieces) >= self._max_pieces:
                break
        return [self._start_id, *pieces[: self._max_pieces], self._end_id]

    def split(self, text: str) -> list[str]:
        if self._spec is contract.TokenizerSpec.MEDIAPIPE:
            text = text.partition("\0")[0]  # MediaPipe's splitter reads C strings.
        return [w for w in text.translate(self._spellings).split(_BREAK) if w]

    def word_pieces(self, word: str) -> list[int]:
        """Longest match first; one unknown id for a word that cannot be spelt."""
        if len(word.encode("utf-8", "replace")) > contract.MAX_WORD_BYTES:
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


class _Spellings(dict[int, str]):
    """For `str.translate`: each character normalised, words set apart by `_BREAK`.

    Filled as characters occur.
    """

    def __init__(self, spec: contract.TokenizerSpec) -> None:
        super().__init__()
        is_mediapipe = spec is contract.TokenizerSpec.MEDIAPIPE
        self._normalize = _lower_ascii if is_mediapipe else _fold

    def __missing__(self, code_point: int) -> str:
        normalized = self._normalize(chr(code_point))
        self[code_point] = "".join(_set_apart(character) for character in normalized)
        return self[code_point]


def _set_apart(character: str) -> str:
    if character in _WHITE_SPACE:
        return _BREAK
    if _is_punctuation(character) or _is_in(character, _CHINESE):
        return _BREAK + character + _BREAK
    return character


def _is_punctuation(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum()
    return unicodedata.category(character).startswith("P") or _is_in(
        character, _NEW_PUNCTUATION
    )


def _is_in(character: str, ranges: Iterable[tuple[int, int]]) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _lower_ascii(character: str) -> str:
    return character.lower() if character.isascii() else character


def _fold(character: str) -> str:
    """Case folded (NFKC_Casefold), without accents; control codes become spaces."""
    if _is_in(character, _IGNORABLE):
        return ""
    folded = unicodedata.normalize("NFD", character)
    for _ in range(2):  # Folding may give what NFKC changes, and the reverse.
        folded = unicodedata.normalize("NFKC", folded.casefold())
    return "".join(
        " " if unicodedata.category(part) in ("Cc", "Cf") else part
        for part in unicodedata.normalize("NFD", folded)
        if unicodedata.category(part) != "Mn"
    )
