"""What a person should know about rows that were kept, with examples to look up.

Nothing is merged or mended on its own: a note says what was found, where, and what to
do about it.
"""

import dataclasses
import unicodedata
from collections.abc import Collection

MAX_EXAMPLES = 20
"""A note keeps so many; a report need not hold a file anew."""
_MAX_LETTERS = 60
# Letters by their category, and yet nothing on the screen: fillers, joiners,
# variation selectors, the empty braille cell.
_BLANK_LETTERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
) | {chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))}
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Note:
    """One thing that was found `count` times; `what` fits behind the number.

    `examples` are the first few, with their rows; `advice` is what to do.
    """

    what: str
    count: int
    examples: tuple[str, ...] = ()
    advice: str = ""


def rows_told(count: int) -> str:
    """Gives `1 row`, `2 rows`, `1,000 rows`."""
    return f"{count:,} row{'s' * (count != 1)}"


def is_unseen(letter: str) -> bool:
    """Whether a letter takes no ink: control, format, zero-width and blank ones."""
    return (
        unicodedata.category(letter) in _UNSEEN_CATEGORIES or letter in _BLANK_LETTERS
    )


def visible(text: str, *, marked: Collection[str] = ()) -> str:
    r"""Quotes `text` so that every letter can be seen: `'re\u200bfund'`.

    Unseen letters, odd spaces and those of `marked` are written as escapes. A long
    text is cut. The result is one line and safe for terminals.
    """
    cut = text if len(text) <= _MAX_LETTERS else text[: _MAX_LETTERS - 1]
    if cut.isascii() and cut.isprintable() and not marked:
        shown = cut
    else:
        shown = "".join(
            _escaped(letter) if letter in marked or _is_odd(letter) else letter
            for letter in cut
        )
    return f"'{shown}…'" if len(cut) < len(text) else f"'{shown}'"


def _is_odd(letter: str) -> bool:
    is_odd_space = letter != " " and unicodedata.category(letter) == "Zs"
    return is_odd_space or is_unseen(letter)


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
