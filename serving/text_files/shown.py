"""What of a user's file may stand in a message: short, and harmless on a terminal."""

import json
import os
import re
from pathlib import Path

_MAX_SHOWN = 60
# C0 and C1 without tab and line feed, and lone surrogates.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def shown(value: object, limit: int = _MAX_SHOWN) -> str:
    """Makes a value printable: control bytes, invisible marks and the rest escaped."""
    text = str(value)
    kept = "".join(map(_visible, text[: limit + 1]))
    return kept if len(text) <= limit else f"{kept[:limit]}…"


def named(path: Path) -> str:
    """Makes a path printable, also one whose name is no UTF-8, in its full length."""
    return "".join(map(_visible, os.fsencode(path).decode("utf-8", "backslashreplace")))


def printable(text: object) -> str:
    """Makes a message printable, on any stream; its lines stay."""
    return "".join(mark if mark == "\n" else _visible(mark) for mark in str(text))


def harmless(text: str) -> str:
    """Makes a text of a user safe for a terminal, and leaves all that is script."""
    return _CONTROLS.sub(lambda found: _visible(found[0]), text)


def json_line(values: object, indent: int | None = None) -> str:
    """Writes JSON that is safe for a terminal, and leaves all that is script."""
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    # JSON itself escapes what is below a space, but neither DEL nor C1.
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def listed(names: list[str], limit: int = 20) -> str:
    """Lists names in quotes, the first few of many."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return (", ".join(f"'{shown(name)}'" for name in names[:limit]) or "none") + more


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if 0xDC80 <= ord(character) <= 0xDCFF:  # A byte that was no UTF-8.
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
