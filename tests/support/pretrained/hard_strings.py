"""Thousands of strings that tokenisers disagree about, the same in every Python."""

import random

from model import contract
from tests.support import nasty_texts

COUNT = 6000
BLOCKS = (
    (0x00, 0x7F),
    (0x80, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x530, 0x5FF),
    (0x600, 0x6FF),
    (0x900, 0x97F),
    (0xE00, 0xE5F),
    (0x1000, 0x104F),
    (0x1100, 0x11FF),
    (0x13A0, 0x13FF),
    (0x16F0, 0x1740),
    (0x17B0, 0x17DF),
    (0x1AB0, 0x1ACE),
    (0x1C80, 0x1CBF),
    (0x1DC0, 0x1FFF),
    (0x2000, 0x214F),
    (0x2190, 0x21FF),
    (0x2C20, 0x2C60),
    (0x2E40, 0x2E5D),
    (0x3000, 0x30FF),
    (0x4E00, 0x4E40),
    (0xA7C0, 0xA7DC),
    (0xAC00, 0xAC40),
    (0xE000, 0xE008),
    (0xF900, 0xF920),
    (0xFB00, 0xFB4F),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFFFF),
    (0x10570, 0x10597),
    (0x11930, 0x11946),
    (0x16EA0, 0x16ED3),
    (0x1F300, 0x1F3FF),
    (0x1F600, 0x1F64F),
    (0x20000, 0x20010),
    (0x2B810, 0x2B930),
    (0x2F800, 0x2F820),
    (0xE0000, 0xE007F),
    (0xF0000, 0xF0008),
    (0x10FFF0, 0x10FFFF),
)
CHARACTERS = tuple(chr(c) for first, last in BLOCKS for c in range(first, last + 1))
WORDS = (
    "Card",
    "money",
    "Σίσυφος",
    "ÉCOLE",
    "e\u0301cole",
    "straße",
    "我的卡",
    "don't",
)
OPTIONS = {
    "uncased": {},
    "cased": {"lower_case": False},
    "uncased, accents": {"strip_accents": False},
    "cased, no accents": {"lower_case": False, "strip_accents": True},
    "uncased, Chinese as letters": {"tokenize_chinese_chars": False},
}
"""Arguments of a `TokenizerConfig`, by name."""


def config(name: str, max_sequence_length: int = 512) -> contract.TokenizerConfig:
    """One of `OPTIONS`, of specification `bert`."""
    return contract.TokenizerConfig(
        spec=contract.TokenizerSpec.BERT,
        max_sequence_length=max_sequence_length,
        **OPTIONS[name],
    )


def hard_strings() -> list[str]:
    """`COUNT` strings: `nasty_texts`, then such as no person would write."""
    rng = random.Random(1)
    known = [text for text in nasty_texts.TEXTS if len(text) < 5000]
    return known + [_string(rng) for _ in range(COUNT - len(known))]


def vocabulary() -> list[str]:
    """Special tokens where BERT has them, most characters, a few words and endings."""
    tokens = [
        "[PAD]",
        *(f"[unused{i}]" for i in range(9)),
        *contract.SPECIAL_TOKENS[1:],
    ]
    spelled = [c for i, c in enumerate(CHARACTERS) if i % 37 and c not in "\n\r\0 "]
    words = ("card", "##ard", "mon", "##ey", "ecole", "école", "don", "##cole", "ss")
    return list(
        dict.fromkeys([*tokens, *spelled, *(f"##{c}" for c in spelled), *words])
    )


def _string(rng: random.Random) -> str:
    return "".join(rng.choice(_MAKERS)(rng) for _ in range(rng.randint(1, 6)))


def _of_a_block(rng: random.Random) -> str:
    first, last = rng.choice(BLOCKS)
    length = rng.choice((1, 2, 3, 5, 8))
    return "".join(chr(rng.randint(first, last)) for _ in range(length))


def _of_all_blocks(rng: random.Random) -> str:
    return "".join(rng.choices(CHARACTERS, k=rng.randint(1, 8)))


def _words(rng: random.Random) -> str:
    spaces = rng.choices(
        (" ", "  ", "\t", "\n", "\u00a0", "\u3000", "", "-", "\u200b"), k=3
    )
    return "".join(rng.choice(WORDS) + space for space in spaces)


def _cased(rng: random.Random) -> str:
    return rng.choice((str.upper, str.lower, str.title))(rng.choice(WORDS[:2]))


def _special(rng: random.Random) -> str:
    token = rng.choice(contract.SPECIAL_TOKENS)
    forms = (
        token,
        token,
        token.lower(),
        f"[{token}]",
        token[:-1],
        token * 2,
        f"a{token}b",
    )
    return rng.choice(forms)


def _long(rng: random.Random) -> str:
    return rng.choice("aéкक好😀\u0301") * rng.choice((24, 49, 99, 100, 101, 102, 401))


_MAKERS = (
    _of_a_block,
    _of_a_block,
    _of_all_blocks,
    _words,
    _words,
    _cased,
    _special,
    _long,
)
