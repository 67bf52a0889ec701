"""Labels that a person reads as one and the machine as several."""

import pytest

from pipeline.data import look_alikes
from pipeline.data.notes import Note, visible

UNSEEN = "characters that cannot be seen"


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ("Refund", "refund", "case"),
        ("straße", "STRASSE", "case"),
        ("İstanbul", "istanbul", "case"),
        ("café", "cafe\u0301", "Unicode form (NFC or NFD)"),
        ("각", "\u1100\u1161\u11a8", "Unicode form (NFC or NFD)"),
        ("\uff21\uff11", "A1", "Unicode compatibility form (NFKC)"),
        ("\ufb01ne", "fine", "Unicode compatibility form (NFKC)"),
        ("card arrival", "card\u00a0arrival", "spaces"),
        ("card arrival", "card  arrival", "spaces"),
        ("card arrival", "card\u2009arrival", "spaces"),
        ("card arrival", "card\tarrival", "spaces"),
        ("re\u200bfund", "refund", UNSEEN),
        ("\ufeffrefund", "refund", UNSEEN),
        ("re\u00adfund", "refund", UNSEEN),
        ("\u202erefund", "refund", UNSEEN),
        ("refund\ufe0f", "refund", UNSEEN),
        ("refund\u3164", "refund", UNSEEN),
        ("re\x07fund", "refund", UNSEEN),
        ("card-arrival", "card_arrival", "dashes, underscores or slashes"),
        ("card-arrival", "card\u2010arrival", "dashes, underscores or slashes"),
        ("card\u2013arrival", "card arrival", "dashes, underscores or slashes"),
        ("don't", "don\u2019t", "quotes or punctuation at the end"),
        ('"refund"', "refund", "quotes or punctuation at the end"),
        ("refund.", "refund", "quotes or punctuation at the end"),
        ("ref\u0443nd", "refynd", "letters of another script"),
        ("\u0430\u0440\u0440l\u0435", "apple", "letters of another script"),
        ("1", "1.0", "the way a number is written"),
        ("01", "1", "the way a number is written"),
    ],
)
def test_labels_that_look_alike_are_found_with_what_they_differ_in(
    one: str, other: str, difference: str
) -> None:
    assert look_alikes.groups([one, other, "something else"]) == [sorted([one, other])]
    assert look_alikes.differences(one, other) == [difference]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("c", "c++"),
        ("c#", "c++"),
        ("card1", "card2"),
        ("cafe", "café"),
        ("カード", "カド"),
        ("1", "-1"),
        ("1e2", "12"),
        ("no", "now"),
        ("", "-"),
    ],
)
def test_labels_that_a_person_tells_apart_are_let_through(one: str, other: str) -> None:
    assert look_alikes.groups([one, other]) == []


def test_several_differences_are_all_named() -> None:
    found = look_alikes.differences("Card_Arrival", "card\u200b arrival")
    assert set(found) == {"case", UNSEEN, "dashes, underscores or slashes"}


def _notes(**counts: int) -> list[Note]:
    return look_alikes.notes(counts, lambda label: f"d.csv:{len(label)}")


def test_the_note_has_rows_places_and_escapes_and_says_what_to_do() -> None:
    counts = {"refund": 412, "re\u200bfund": 3, "other": 5}
    alike, unseen = look_alikes.notes(counts, lambda label: f"d.csv:{len(label)}")
    assert alike.count == 1
    assert alike.examples == (
        r"'refund' (412 rows, first d.csv:6), 're\u200bfund' (3 rows, first d.csv:7) "
        "differ in characters that cannot be seen",
    )
    assert "write them the same way" in alike.advice
    assert unseen.examples == (r"'re\u200bfund' (3 rows, first d.csv:7)",)


def test_letters_that_only_look_the_same_are_escaped() -> None:
    (note,) = look_alikes.notes({"caf\u00e9": 2, "cafe\u0301": 1}, str)
    assert r"'caf\u00e9'" in note.examples[0]
    assert r"'cafe\u0301'" in note.examples[0]


def test_labels_without_a_double_give_no_note() -> None:
    assert _notes(refund=4, travel=5, food=6) == []


def test_many_spellings_are_cut_short() -> None:
    spellings = {"refund".replace("u", "u" + "\u200b" * n): 1 for n in range(30)}
    alike, _ = look_alikes.notes(spellings, str)
    assert "and 26 more" in alike.examples[0]


def test_a_shown_label_is_one_short_line_that_is_safe_for_a_terminal() -> None:
    shown = visible("\x1b[31mred\n" + "x" * 500)
    assert shown.startswith(r"'\u001b[31mred\u000ax")
    assert shown.endswith("…'")
    assert len(shown) < 80
