"""Texts that nobody wrote, for a teacher to score: parts of the train split, mixed.

Their labels are not known and need not be: a student learns from them what its teacher
says where no text of the data is. Distillation with the training texts alone ends where
the student knows these by heart (Tang et al. 2019, arXiv 1903.12136, section 3.2).
"""

import random
from collections.abc import Callable, Iterator, Sequence

_CHANGED = 0.15
"""Share of the words that are left out, or replaced by one of another text."""
_MIN_WORDS = 3
MOST_TEXTS = 200_000
"""In all: who has so many texts needs none made up, and a teacher takes its time."""

Words = Sequence[str]


def made_up_texts(
    texts: Sequence[str], per_text: int, *, seed: int, known: Callable[[str], bool]
) -> list[str]:
    """Makes up to `per_text` different texts out of each of `texts`.

    Args:
        texts: of the train split.
        per_text: how many to try for each; fewer come out where the same come again,
            and of more than `MOST_TEXTS` in all each text has its turn by lot.
        seed: the same one makes the same.
        known: whether a text is one that must not be among them.
    """
    chance = random.Random(seed)
    split = [words for words in map(_words, texts) if words[0]]
    chance.shuffle(split)
    found: dict[str, None] = {}
    for turn in range(min(per_text * len(split), MOST_TEXTS)):
        text = _mixed(split[turn % len(split)], split, chance)
        if text and not known(text):
            found[text] = None
    return list(found)


def _words(text: str) -> tuple[Words, str]:
    """Takes a text apart: words, or letters where there are no spaces; and the glue."""
    words = text.split()
    if len(words) == 1 and not text.isascii():
        return tuple(words[0]), ""
    return words, " "


def _mixed(
    of: tuple[Words, str], others: Sequence[tuple[Words, str]], chance: random.Random
) -> str:
    words, glue = of
    other, _ = chance.choice(others)
    make = chance.choice((_with_changes, _end_to_end, _stretch))
    return glue.join(make(words, other, chance)).strip()


def _with_changes(words: Words, other: Words, chance: random.Random) -> Iterator[str]:
    """Leaves words out, and puts others in their place."""
    for word in words:
        draw = chance.random()
        if draw < _CHANGED:
            yield chance.choice(other)
        elif draw > 2 * _CHANGED:
            yield word


def _end_to_end(words: Words, other: Words, chance: random.Random) -> Words:
    """Begins as one text and ends as another."""
    start = words[: chance.randint(1, len(words))]
    return [*start, *other[chance.randrange(len(other)) :]]


def _stretch(words: Words, other: Words, chance: random.Random) -> Words:
    """Takes a part out of the middle."""
    del other
    if len(words) <= _MIN_WORDS:
        return words
    length = chance.randint(_MIN_WORDS, len(words) - 1)
    start = chance.randint(0, len(words) - length)
    return words[start : start + length]
