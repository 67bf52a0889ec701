"""Labels that are different words for the machine and the same word for a person.

Each label is reduced fold by fold (Unicode form, case, dashes, ...) until only what a
person would read is left; labels that are then equal belong together.
"""

import collections
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence

from pipeline.data.notes import MAX_EXAMPLES, Note, is_unseen, rows_told, visible

# Letters of other scripts that look like Latin ones in most fonts; after case folding.
_LATIN_TWINS = str.maketrans(
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u04cf\u043e\u0440\u051b\u0455\u051d"
    "\u0445\u0443\u0432\u043d\u043a\u043c\u0442\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf"
    "\u03c1\u03c4\u03c5\u03c7\u03b2\u0131\u0261\u057d\u0585",
    "acdehijlopqswxybhkmtaeikvoptuxbigso",
)
_DASHES = re.compile("[-_\u00ad\u058a\u05be\u2010-\u2015\u2043\u2212/|]+")
_QUOTES = str.maketrans(
    "\u2018\u2019\u201a\u201b\u02bc\u2032\u0060\u00b4\u201c\u201d\u201e\u201f\u00ab"
    "\u00bb\u2033",
    "''''''''\"\"\"\"\"\"\"",
)
_NAMED = 4
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?")


def _without_unseen(label: str) -> str:
    return "".join(filter(_is_ink_or_space, label))


def _is_ink_or_space(letter: str) -> bool:
    return letter.isspace() or not is_unseen(letter)


def _composed(label: str) -> str:
    return unicodedata.normalize("NFC", label)


def _compatible(label: str) -> str:
    return unicodedata.normalize("NFKC", label)


def _case(label: str) -> str:
    return label.casefold().replace("i\u0307", "i")  # The Turkish capital with a dot.


def _one_space(label: str) -> str:
    return " ".join(label.split())


def _without_dashes(label: str) -> str:
    if _NUMBER.fullmatch(label):  # The dash is a sign.
        return label
    return " ".join(_DASHES.sub(" ", label).split()) or label


def _without_punctuation(label: str) -> str:
    return label.translate(_QUOTES).strip("\"'").rstrip(".,;:!?").strip("\"' ") or label


def _in_latin(label: str) -> str:
    return unicodedata.normalize("NFC", label).translate(_LATIN_TWINS)


def _number(label: str) -> str:
    if not _NUMBER.fullmatch(label):
        return label
    return repr(float(label) + 0.0)  # `-0` becomes `0.0`.


Fold = Callable[[str], str]
_FOLDS: Mapping[str, Fold] = {
    "characters that cannot be seen": _without_unseen,
    "spaces": _one_space,
    "Unicode form (NFC or NFD)": _composed,
    "Unicode compatibility form (NFKC)": _compatible,
    "case": _case,
    "dashes, underscores or slashes": _without_dashes,
    "quotes or punctuation at the end": _without_punctuation,
    "letters of another script": _in_latin,
    "the way a number is written": _number,
}
"""What two labels may differ in -> what takes that away, in this order."""
_ASCII_FOLDS = tuple(
    fold
    for fold in _FOLDS.values()
    if fold not in (_composed, _compatible, _in_latin, _without_unseen)
)


def skeleton(label: str) -> str:
    """Gives what a person reads; labels with one skeleton look alike."""
    is_plain = label.isascii() and label.isprintable()
    for fold in _ASCII_FOLDS if is_plain else _FOLDS.values():
        label = fold(label)
    return label


def differences(one: str, other: str) -> list[str]:
    """Names what two labels of one skeleton differ in, by the keys of the folds."""
    names = list(_FOLDS)
    needed = next(
        n for n in range(len(names) + 1) if _equal(one, other, names[: n + 1])
    )
    names = names[: needed + 1]
    for name in list(names):
        without = [kept for kept in names if kept != name]
        if _equal(one, other, without):
            names = without
    return names


def _equal(one: str, other: str, names: Sequence[str]) -> bool:
    for name in names:
        one, other = _FOLDS[name](one), _FOLDS[name](other)
    return one == other


def groups(labels: Iterable[str]) -> list[list[str]]:
    """Lists the labels that look alike, at least two in each list, sorted."""
    alike: dict[str, list[str]] = collections.defaultdict(list)
    for label in labels:
        alike[skeleton(label)].append(label)
    return sorted(sorted(found) for found in alike.values() if len(found) > 1)


def notes(counts: Mapping[str, int], place: Callable[[str], str]) -> list[Note]:
    """Says which labels look alike, and which hold letters that cannot be seen.

    `counts` has the rows of every label; `place` says where its first one stands.
    """
    alike = groups(counts)
    hidden = sorted(label for label in counts if _hides_something(label))

    def with_rows(label: str) -> str:
        return f" ({rows_told(counts[label])}, first {place(label)})"

    found = (
        Note(
            what="labels spelt in several ways that look alike",
            count=len(alike),
            examples=tuple(
                told(sorted(group, key=lambda label: -counts[label]), with_rows)
                for group in alike[:MAX_EXAMPLES]
            ),
            advice="Each spelling is a label of its own. If they mean the same, write "
            "them the same way in the file.",
        ),
        Note(
            what="labels with characters that cannot be seen",
            count=len(hidden),
            examples=tuple(
                f"{visible(label)}{with_rows(label)}" for label in hidden[:MAX_EXAMPLES]
            ),
            advice="Whoever compares with this label must write them, too. Remove "
            "them from the file if they are not meant.",
        ),
    )
    return [note for note in found if note.count]


def _hides_something(label: str) -> bool:
    is_plain = label.isascii() and label.isprintable()
    return not is_plain and not all(map(_is_ink_or_space, label))


def told(group: Sequence[str], remark: Callable[[str], str] = lambda _: "") -> str:
    """Names labels that look alike, so that one sees in which letters they differ."""
    shared = set.intersection(*map(set, group))
    marked = {letter for label in group for letter in label if not letter.isascii()}
    named = [
        f"{visible(label, marked=marked - shared)}{remark(label)}"
        for label in group[:_NAMED]
    ]
    more = f" and {len(group) - _NAMED} more" if len(group) > _NAMED else ""
    kinds = dict.fromkeys(
        kind for other in group[1:_NAMED] for kind in differences(group[0], other)
    )
    return f"{', '.join(named)}{more} differ in {'; '.join(kinds)}"
