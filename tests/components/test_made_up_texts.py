"""Texts made of others: new, of known words, repeatable."""

import pytest

from components import made_up_texts as module
from components.made_up_texts import made_up_texts

TEXTS = [
    "where is my new card",
    "the train to the airport was late today",
    "rain and snow",
    "soup",
]
WORDS = {word for text in TEXTS for word in text.split()}


def made(texts: list[str] = TEXTS, *, seed: int = 1, per_text: int = 30) -> list[str]:
    return made_up_texts(texts, per_text, seed=seed, known=texts.__contains__)


def test_every_word_is_one_of_the_texts() -> None:
    assert {word for text in made() for word in text.split()} <= WORDS


def test_none_is_a_known_text_and_none_comes_twice() -> None:
    found = made()
    assert len(set(found)) == len(found) > 50
    assert not set(found) & {*TEXTS, ""}


def test_the_same_seed_makes_the_same() -> None:
    assert made() == made()
    assert made() != made(seed=2)


def test_more_are_made_where_more_are_asked_for() -> None:
    assert len(made(per_text=2)) <= 8 < len(made(per_text=30))


def test_words_of_two_texts_meet() -> None:
    cards, trains = ({*text.split()} for text in TEXTS[:2])
    assert any({*text.split()} & cards and {*text.split()} & trains for text in made())


def test_letters_are_mixed_where_words_have_no_spaces_between() -> None:
    texts = ["私の新しいカードはどこですか", "電車が遅れました"]
    found = made(texts)
    assert len(found) > 20
    assert {letter for text in found for letter in text} <= {*"".join(texts)}


def test_one_word_alone_makes_nothing_but_itself_again() -> None:
    assert set(made(["soup"])) <= {"soup soup"}


def test_there_is_an_end_to_how_many_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TEXTS", 7)
    assert 0 < len(made(per_text=1000)) <= 7


def test_of_nothing_nothing_is_made() -> None:
    assert made([]) == []
    assert made([" ", ""]) == []
