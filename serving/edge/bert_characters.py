"""What BERT's original tokeniser makes of each character: deleted, space, word, folded.

The tables are those of Hugging Face's `tokenizers` (0.23.3), whose Unicode is old:
punctuation and accents younger than Unicode 8 are letters to it, and Python's own
tables would differ from one Python to the next. `scripts/tokenizers_golden.py` makes
them. The server's graph and the device's tokeniser share this file. Standard library
only.
"""

import re
import unicodedata

from . import contract

BREAK = " "
"""Ends a word."""

_SPACES = frozenset(
    "\t\n\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
_DELETED = re.compile(
    r"["
    r"\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u00AD\u0600-\u0605\u061C"
    r"\u06DD\u070F\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F"
    r"\uE000-\uF8FF\uFEFF\uFFF9-\uFFFB\uFFFD\U000110BD\U0001BCA0-\U0001BCA3"
    r"\U0001D173-\U0001D17A\U000E0001\U000E0020-\U000E007F\U000F0000-\U000FFFFD"
    r"\U00100000-\U0010FFFD"
    r"\uD800-\uDFFF]"
)
"""Controls, formats, private use, NUL, the replacement for what is no UTF-8; lone
surrogates, which no UTF-8 has, with it."""
_CHINESE = re.compile(
    r"[\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0002A6DF"
    r"\U0002A700-\U0002B81F\U0002B920-\U0002CEAF\U0002F800-\U0002FA1F]"
)
"""The hole at U+2B820 is a slip of the original, kept."""
_PUNCTUATION = re.compile(
    r"[!-/:-@\[-`{-~"
    r"\u00A1\u00A7\u00AB\u00B6\u00B7\u00BB\u00BF\u037E\u0387\u055A-\u055F"
    r"\u0589\u058A\u05BE\u05C0\u05C3\u05C6\u05F3\u05F4\u0609\u060A\u060C\u060D\u061B"
    r"\u061E\u061F\u066A-\u066D\u06D4\u0700-\u070D\u07F7-\u07F9\u0830-\u083E\u085E"
    r"\u0964\u0965\u0970\u0AF0\u0DF4\u0E4F\u0E5A\u0E5B\u0F04-\u0F12\u0F14"
    r"\u0F3A-\u0F3D\u0F85\u0FD0-\u0FD4\u0FD9\u0FDA\u104A-\u104F\u10FB\u1360-\u1368"
    r"\u1400\u166D\u166E\u169B\u169C\u16EB-\u16ED\u1735\u1736\u17D4-\u17D6"
    r"\u17D8-\u17DA\u1800-\u180A\u1944\u1945\u1A1E\u1A1F\u1AA0-\u1AA6\u1AA8-\u1AAD"
    r"\u1B5A-\u1B60\u1BFC-\u1BFF\u1C3B-\u1C3F\u1C7E\u1C7F\u1CC0-\u1CC7\u1CD3"
    r"\u2010-\u2027\u2030-\u2043\u2045-\u2051\u2053-\u205E\u207D\u207E\u208D\u208E"
    r"\u2308-\u230B\u2329\u232A\u2768-\u2775\u27C5\u27C6\u27E6-\u27EF\u2983-\u2998"
    r"\u29D8-\u29DB\u29FC\u29FD\u2CF9-\u2CFC\u2CFE\u2CFF\u2D70\u2E00-\u2E2E"
    r"\u2E30-\u2E42\u3001-\u3003\u3008-\u3011\u3014-\u301F\u3030\u303D\u30A0\u30FB"
    r"\uA4FE\uA4FF\uA60D-\uA60F\uA673\uA67E\uA6F2-\uA6F7\uA874-\uA877\uA8CE\uA8CF"
    r"\uA8F8-\uA8FA\uA8FC\uA92E\uA92F\uA95F\uA9C1-\uA9CD\uA9DE\uA9DF\uAA5C-\uAA5F"
    r"\uAADE\uAADF\uAAF0\uAAF1\uABEB\uFD3E\uFD3F\uFE10-\uFE19\uFE30-\uFE52"
    r"\uFE54-\uFE61\uFE63\uFE68\uFE6A\uFE6B\uFF01-\uFF03\uFF05-\uFF0A\uFF0C-\uFF0F"
    r"\uFF1A\uFF1B\uFF1F\uFF20\uFF3B-\uFF3D\uFF3F\uFF5B\uFF5D\uFF5F-\uFF65"
    r"\U00010100-\U00010102\U0001039F\U000103D0\U0001056F\U00010857\U0001091F"
    r"\U0001093F\U00010A50-\U00010A58\U00010A7F\U00010AF0-\U00010AF6"
    r"\U00010B39-\U00010B3F\U00010B99-\U00010B9C\U00011047-\U0001104D"
    r"\U000110BB\U000110BC\U000110BE-\U000110C1\U00011140-\U00011143"
    r"\U00011174\U00011175\U000111C5-\U000111C9\U000111CD\U000111DB"
    r"\U000111DD-\U000111DF\U00011238-\U0001123D\U000112A9\U000114C6"
    r"\U000115C1-\U000115D7\U00011641-\U00011643\U0001173C-\U0001173E"
    r"\U00012470-\U00012474\U00016A6E\U00016A6F\U00016AF5\U00016B37-\U00016B3B"
    r"\U00016B44\U0001BC9F\U0001DA87-\U0001DA8B"
    r"]"
)
_MARKS = re.compile(
    r"["
    r"\u0300-\u036F\u0483-\u0487\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7"
    r"\u0610-\u061A\u064B-\u065F\u0670\u06D6-\u06DC\u06DF-\u06E4\u06E7\u06E8"
    r"\u06EA-\u06ED\u0711\u0730-\u074A\u07A6-\u07B0\u07EB-\u07F3\u0816-\u0819"
    r"\u081B-\u0823\u0825-\u0827\u0829-\u082D\u0859-\u085B\u08E3-\u0902\u093A\u093C"
    r"\u0941-\u0948\u094D\u0951-\u0957\u0962\u0963\u0981\u09BC\u09C1-\u09C4\u09CD"
    r"\u09E2\u09E3\u0A01\u0A02\u0A3C\u0A41\u0A42\u0A47\u0A48\u0A4B-\u0A4D\u0A51"
    r"\u0A70\u0A71\u0A75\u0A81\u0A82\u0ABC\u0AC1-\u0AC5\u0AC7\u0AC8\u0ACD"
    r"\u0AE2\u0AE3\u0B01\u0B3C\u0B3F\u0B41-\u0B44\u0B4D\u0B56\u0B62\u0B63\u0B82"
    r"\u0BC0\u0BCD\u0C00\u0C3E-\u0C40\u0C46-\u0C48\u0C4A-\u0C4D\u0C55\u0C56"
    r"\u0C62\u0C63\u0C81\u0CBC\u0CBF\u0CC6\u0CCC\u0CCD\u0CE2\u0CE3\u0D01"
    r"\u0D41-\u0D44\u0D4D\u0D62\u0D63\u0DCA\u0DD2-\u0DD4\u0DD6\u0E31\u0E34-\u0E3A"
    r"\u0E47-\u0E4E\u0EB1\u0EB4-\u0EB9\u0EBB\u0EBC\u0EC8-\u0ECD\u0F18\u0F19\u0F35"
    r"\u0F37\u0F39\u0F71-\u0F7E\u0F80-\u0F84\u0F86\u0F87\u0F8D-\u0F97\u0F99-\u0FBC"
    r"\u0FC6\u102D-\u1030\u1032-\u1037\u1039\u103A\u103D\u103E\u1058\u1059"
    r"\u105E-\u1060\u1071-\u1074\u1082\u1085\u1086\u108D\u109D\u135D-\u135F"
    r"\u1712-\u1714\u1732-\u1734\u1752\u1753\u1772\u1773\u17B4\u17B5\u17B7-\u17BD"
    r"\u17C6\u17C9-\u17D3\u17DD\u180B-\u180D\u18A9\u1920-\u1922\u1927\u1928\u1932"
    r"\u1939-\u193B\u1A17\u1A18\u1A1B\u1A56\u1A58-\u1A5E\u1A60\u1A62\u1A65-\u1A6C"
    r"\u1A73-\u1A7C\u1A7F\u1AB0-\u1ABD\u1B00-\u1B03\u1B34\u1B36-\u1B3A\u1B3C\u1B42"
    r"\u1B6B-\u1B73\u1B80\u1B81\u1BA2-\u1BA5\u1BA8\u1BA9\u1BAB-\u1BAD\u1BE6"
    r"\u1BE8\u1BE9\u1BED\u1BEF-\u1BF1\u1C2C-\u1C33\u1C36\u1C37\u1CD0-\u1CD2"
    r"\u1CD4-\u1CE0\u1CE2-\u1CE8\u1CED\u1CF4\u1CF8\u1CF9\u1DC0-\u1DF5\u1DFC-\u1DFF"
    r"\u20D0-\u20DC\u20E1\u20E5-\u20F0\u2CEF-\u2CF1\u2D7F\u2DE0-\u2DFF\u302A-\u302D"
    r"\u3099\u309A\uA66F\uA674-\uA67D\uA69E\uA69F\uA6F0\uA6F1\uA802\uA806\uA80B"
    r"\uA825\uA826\uA8C4\uA8E0-\uA8F1\uA926-\uA92D\uA947-\uA951\uA980-\uA982\uA9B3"
    r"\uA9B6-\uA9B9\uA9BC\uA9E5\uAA29-\uAA2E\uAA31\uAA32\uAA35\uAA36\uAA43\uAA4C"
    r"\uAA7C\uAAB0\uAAB2-\uAAB4\uAAB7\uAAB8\uAABE\uAABF\uAAC1\uAAEC\uAAED\uAAF6"
    r"\uABE5\uABE8\uABED\uFB1E\uFE00-\uFE0F\uFE20-\uFE2F\U000101FD\U000102E0"
    r"\U00010376-\U0001037A\U00010A01-\U00010A03\U00010A05\U00010A06"
    r"\U00010A0C-\U00010A0F\U00010A38-\U00010A3A\U00010A3F\U00010AE5\U00010AE6"
    r"\U00011001\U00011038-\U00011046\U0001107F-\U00011081\U000110B3-\U000110B6"
    r"\U000110B9\U000110BA\U00011100-\U00011102\U00011127-\U0001112B"
    r"\U0001112D-\U00011134\U00011173\U00011180\U00011181\U000111B6-\U000111BE"
    r"\U000111CA-\U000111CC\U0001122F-\U00011231\U00011234\U00011236\U00011237"
    r"\U000112DF\U000112E3-\U000112EA\U00011300\U00011301\U0001133C\U00011340"
    r"\U00011366-\U0001136C\U00011370-\U00011374\U000114B3-\U000114B8\U000114BA"
    r"\U000114BF\U000114C0\U000114C2\U000114C3\U000115B2-\U000115B5"
    r"\U000115BC\U000115BD\U000115BF\U000115C0\U000115DC\U000115DD"
    r"\U00011633-\U0001163A\U0001163D\U0001163F\U00011640\U000116AB\U000116AD"
    r"\U000116B0-\U000116B5\U000116B7\U0001171D-\U0001171F\U00011722-\U00011725"
    r"\U00011727-\U0001172B\U00016AF0-\U00016AF4\U00016B30-\U00016B36"
    r"\U00016F8F-\U00016F92\U0001BC9D\U0001BC9E\U0001D167-\U0001D169"
    r"\U0001D17B-\U0001D182\U0001D185-\U0001D18B\U0001D1AA-\U0001D1AD"
    r"\U0001D242-\U0001D244\U0001DA00-\U0001DA36\U0001DA3B-\U0001DA6C\U0001DA75"
    r"\U0001DA84\U0001DA9B-\U0001DA9F\U0001DAA1-\U0001DAAF\U0001E8D0-\U0001E8D6"
    r"\U000E0100-\U000E01EF"
    r"]"
)
"""Non-spacing marks, which go with the accents."""
_WHOLE = re.compile(
    r"[\U000105C9\U000105E4\U00011383\U00011385\U0001138E\U00011391\U000113C5"
    r"\U000113C7\U000113C8\U00011938\U00016121-\U00016128\U00016D68-\U00016D6A]"
)
"""Decomposed by younger tables only, so not here."""
_YOUNG_CAPITALS = (
    (0x1C89, 0x1C89, 1),
    (0x2C2F, 0x2C2F, 0x30),
    *((c, c, 1) for c in (0xA7C0, 0xA7CC, 0xA7CE, 0xA7D0, 0xA7D2, 0xA7D4)),
    *((c, c, 1) for c in (0xA7D6, 0xA7D8, 0xA7DA)),
    (0xA7CB, 0xA7CB, 0x264 - 0xA7CB),
    (0xA7DC, 0xA7DC, 0x19B - 0xA7DC),
    (0x10570, 0x10595, 0x27),
    (0x10D50, 0x10D65, 0x20),
    (0x16EA0, 0x16EB8, 0x1B),
)
"""First, last, how far away the small letter is: Unicode 14 to 17, which the
`unicodedata` of Python 3.9 does not know."""
_NO_LETTERS = (0x1057B, 0x1058B, 0x10593)
_YOUNG_SMALL_LETTERS = {
    code_point: chr(code_point + distance)
    for first, last, distance in _YOUNG_CAPITALS
    for code_point in range(first, last + 1)
    if code_point not in _NO_LETTERS
}


def spelling(code_point: int, config: contract.TokenizerConfig) -> str:
    """Gives what stands for one character; `BREAK` around what is a word of its own.

    Where accents go, two marks that are none to the original keep their order: it
    would sort them, which no vocabulary that we know of can tell.
    """
    character = chr(code_point)
    if _DELETED.match(character):
        return ""
    if character in _SPACES:
        return BREAK
    text = "".join(_set_apart(part) for part in _folded(character, config))
    if config.tokenize_chinese_chars and _CHINESE.match(character):
        return BREAK + text + BREAK
    return text


def _folded(character: str, config: contract.TokenizerConfig) -> str:
    if config.strips_accents and not _WHOLE.match(character):
        parts = unicodedata.normalize("NFD", character)
        character = "".join(part for part in parts if not _MARKS.match(part))
    if config.lower_case:
        return "".join(map(_lower, character))
    return character


def _lower(character: str) -> str:
    return _YOUNG_SMALL_LETTERS.get(ord(character)) or character.lower()


def _set_apart(character: str) -> str:
    is_word = _PUNCTUATION.match(character)
    return BREAK + character + BREAK if is_word else character
