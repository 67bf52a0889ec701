"""The bundled data set is what its data card says; every check is seen to fail once."""

import dataclasses
import hashlib
import statistics
from collections.abc import Callable, Mapping

import pytest

from tests.support import utterances
from tests.support.repository import ROOT
from tests.support.utterances import Utterance

VELORA = ROOT / "data" / "velora"
SHARES = (("train", 0.70), ("validation", 0.12), ("test", 0.18))
OUT_OF_SCOPE = "out_of_scope"
MIN_DIFFERENT_TEXTS = 1500
MIN_INTENTS = 12
# The least part of all rows with each trait, just below the figures of the data card.
TRAITS = {
    "an emoji": (0.038, utterances.has_emoji),
    "another language": (0.021, utterances.is_code_mixed),
    "lower case only": (0.34, str.islower),
    "three words or fewer": (0.026, lambda text: len(text.split()) <= 3),
    "thirty words or more": (0.013, lambda text: len(text.split()) >= 30),
}
MIN_MISSPELT = 0.035
# Words of an opening, and the part of a label's rows that may begin with them; a single
# row always may.
OPENINGS = {5: 0.0, 3: 0.04}

Splits = Mapping[str, list[Utterance]]
Check = Callable[[Splits], list[str]]


def all_rows(splits: Splits) -> list[Utterance]:
    """The rows of every split, one after the other."""
    return [row for rows in splits.values() for row in rows]


def all_texts(splits: Splits) -> list[str]:
    """The texts of every split, one after the other."""
    return [row.text for row in all_rows(splits)]


def labels(rows: list[Utterance]) -> list[str]:
    """The labels that occur, sorted."""
    return sorted({row.label for row in rows})


def too_few(splits: Splits) -> list[str]:
    """Fewer different texts or intents than promised."""
    different = {utterances.normalise(text) for text in all_texts(splits)}
    intents = set(labels(all_rows(splits))) - {OUT_OF_SCOPE}
    problems = []
    if len(different) < MIN_DIFFERENT_TEXTS:
        problems.append(f"{len(different)} different texts")
    if len(intents) < MIN_INTENTS:
        problems.append(f"{len(intents)} intents")
    return problems


def near_duplicates(splits: Splits) -> list[str]:
    """Two rows, of one split or of two, that say the same in almost the same words."""
    pairs = utterances.near_duplicates(all_texts(splits))
    return [f"{left!r} and {right!r}" for left, right in pairs]


def missing_labels(splits: Splits) -> list[str]:
    """A label that a split has no row of; out-of-scope rows are a label like others."""
    wanted = {OUT_OF_SCOPE, *labels(all_rows(splits))}
    return [
        f"{split} has no {label}"
        for split, rows in splits.items()
        for label in sorted(wanted - set(labels(rows)))
    ]


def other_splits(splits: Splits) -> list[str]:
    """A split that is not the one its rows' hashes give."""
    expected = utterances.split_by_hash(all_rows(splits), SHARES)
    return [split for split, rows in splits.items() if rows != expected[split]]


def templates(splits: Splits) -> list[str]:
    """An opening that too many rows of one label share."""
    rows = all_rows(splits)
    problems = []
    for label in labels(rows):
        texts = [row.text for row in rows if row.label == label]
        for length, part in OPENINGS.items():
            for opening, count in utterances.shared_openings(texts, length).items():
                if count > max(1, part * len(texts)):
                    problems.append(f"{label}: {count} rows begin with {opening!r}")
    return problems


def uniform(splits: Splits) -> list[str]:
    """A trait of real messages that is rarer than the data card says."""
    texts = all_texts(splits)
    parts = {
        name: utterances.share(texts, is_so) for name, (_, is_so) in TRAITS.items()
    }
    rare = [
        f"{name}: {parts[name]:.1%}" for name in TRAITS if parts[name] < TRAITS[name][0]
    ]
    misspelt = len(utterances.misspelt(texts)) / len(texts)
    return rare + [f"misspelt: {misspelt:.1%}"] * (misspelt < MIN_MISSPELT)


def personal_data(splits: Splits) -> list[str]:
    """An e-mail address, a link, or a number long enough to be somebody's."""
    return [t for t in all_texts(splits) if utterances.PERSONAL_DATA.search(t)]


def ragged_texts(splits: Splits) -> list[str]:
    """A text that is empty, has blank ends, or spans lines."""
    return [t for t in all_texts(splits) if not t or " ".join(t.split()) != t]


def reworded(splits: Splits, change: Callable[[Utterance], str]) -> Splits:
    """A copy in which every text is changed."""
    return {
        split: [dataclasses.replace(row, text=change(row)) for row in rows]
        for split, rows in splits.items()
    }


def appended(splits: Splits, split: str, *rows: Utterance) -> Splits:
    """A copy with rows added to one split."""
    return {**splits, split: [*splits[split], *rows]}


def few(splits: Splits) -> Splits:
    """A copy of the first rows, for checks that compare every row with every other."""
    return {split: rows[:50] for split, rows in splits.items()}


def plain(row: Utterance) -> str:
    """The text in capitals, without anything beyond ASCII."""
    return row.text.upper().encode("ascii", "ignore").decode()


def without(splits: Splits, split: str, label: str) -> Splits:
    """A copy in which one split lacks a label."""
    return {**splits, split: [row for row in splits[split] if row.label != label]}


# What each check must find, and a way to spoil the data so that it does.
SPOILT: list[tuple[Check, Callable[[Splits], Splits]]] = [
    (too_few, lambda s: {split: rows[:400] for split, rows in s.items()}),
    (too_few, lambda s: reworded(s, lambda row: f"{row.label}!")),
    (too_few, lambda s: {k: [r for r in v if r.label < "m"] for k, v in s.items()}),
    (near_duplicates, lambda s: appended(few(s), "test", s["train"][0])),
    (
        near_duplicates,  # the same but for case, accents and marks
        lambda s: appended(few(s), "test", Utterance(f"{plain(s['train'][0])}!!", "x")),
    ),
    (
        near_duplicates,  # one word more
        lambda s: appended(
            few(s), "validation", Utterance(f"{s['train'][1].text} please", "x")
        ),
    ),
    (
        near_duplicates,  # slips of the pen, so that few words are equal
        lambda s: appended(
            few(s),
            "test",
            Utterance("refund please for the broken electric bicycle", "x"),
            Utterance("refunds please for the brokn electric bicycles", "x"),
        ),
    ),
    (missing_labels, lambda s: without(s, "validation", "promo_code")),
    (missing_labels, lambda s: without(s, "test", OUT_OF_SCOPE)),
    (other_splits, lambda s: {**s, "train": s["test"], "test": s["train"]}),
    (other_splits, lambda s: {**s, "train": s["train"][::-1]}),
    (
        templates,
        lambda s: appended(
            s,
            "train",
            Utterance("I would like to know about Rome", "lost_item"),
            Utterance("I would like to know more, Paris", "lost_item"),
        ),
    ),
    (templates, lambda s: reworded(s, lambda row: f"Please help me: {row.text}")),
    (uniform, lambda s: reworded(s, plain)),
    (uniform, lambda s: reworded(s, lambda row: " ".join(row.text.split()[:20]))),
    (personal_data, lambda s: appended(s, "test", Utterance("ana@example.org", "x"))),
    (personal_data, lambda s: appended(s, "test", Utterance("ring 030 555 0199", "x"))),
    (ragged_texts, lambda s: appended(s, "train", Utterance("two\nlines", "x"))),
    (ragged_texts, lambda s: appended(s, "train", Utterance("", "x"))),
]
CHECKS = list(dict.fromkeys(check for check, _ in SPOILT))


def counts_table(splits: Splits) -> str:
    """Rows per label and split, as the data card shows them."""
    lines = ["| label | train | validation | test | all |", "|---|---:|---:|---:|---:|"]
    for label in labels(all_rows(splits)):
        counts = [sum(r.label == label for r in splits[split]) for split, _ in SHARES]
        lines.append(f"| `{label}` | {' | '.join(map(str, [*counts, sum(counts)]))} |")
    totals = [len(splits[split]) for split, _ in SHARES]
    return "\n".join(
        [*lines, f"| **all** | {' | '.join(map(str, [*totals, sum(totals)]))} |"]
    )


def lengths_table(splits: Splits) -> str:
    """Length of the texts in words and characters, as the data card shows it."""
    lines = [
        "| | shortest | 5 % | median | mean | 95 % | longest |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    texts = all_texts(splits)
    sizes = {"words": [len(t.split()) for t in texts], "characters": [*map(len, texts)]}
    for unit, values in sizes.items():
        low, *_, high = statistics.quantiles(values, n=20)
        lines.append(
            f"| {unit} | {min(values)} | {low:.0f} | {statistics.median(values):.0f} | "
            f"{statistics.mean(values):.1f} | {high:.0f} | {max(values)} |"
        )
    return "\n".join(lines)


def hashes_table(contents: Mapping[str, bytes]) -> str:
    """SHA-256 of every file, as the data card shows it."""
    lines = ["| file | SHA-256 |", "|---|---|"]
    for split, content in contents.items():
        lines.append(f"| `{split}.csv` | `{hashlib.sha256(content).hexdigest()}` |")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    return {split: (VELORA / f"{split}.csv").read_bytes() for split, _ in SHARES}


@pytest.fixture(scope="module")
def velora(contents: dict[str, bytes]) -> Splits:
    return {split: utterances.read_csv(file) for split, file in contents.items()}


@pytest.fixture(scope="module")
def card() -> str:
    return (VELORA / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_velora_has_no(check: Check, velora: Splits):
    assert check(velora) == [], check.__doc__


@pytest.mark.parametrize(("check", "spoil"), SPOILT)
def test_check_finds_what_was_spoilt(
    check: Check, spoil: Callable[[Splits], Splits], velora: Splits
):
    assert check(spoil(velora))


def test_files_are_rfc_4180_with_line_feeds(contents: dict[str, bytes]):
    for content in contents.values():
        assert utterances.write_csv(utterances.read_csv(content)) == content


def test_another_header_is_refused():
    with pytest.raises(ValueError, match="header"):
        utterances.read_csv(b"label,text\npromo_code,hi\n")


def test_card_shows_the_counts_the_lengths_and_the_intents(card: str, velora: Splits):
    assert counts_table(velora) in card
    assert lengths_table(velora) in card
    for label in labels(velora["train"]):
        assert f"| `{label}` | The " in card, f"{label} is not defined"


def test_card_shows_the_hashes_of_the_files(card: str, contents: dict[str, bytes]):
    assert hashes_table(contents) in card
    assert hashes_table({**contents, "test": contents["test"] + b"\n"}) not in card
