"""The word-piece vocabulary of a pretrained folder, and how its text is cut.

What is taken is BERT's tokeniser: `vocab.txt`, or a `tokenizer.json` of the same kind.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model import contract
from model.pretrained.reading import PretrainedError, read_optional
from model.settings import quoted

TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
SPECIAL_TOKENS_FILE = "special_tokens_map.json"
TOKENIZER_FILE = "tokenizer.json"
_TAKEN = "taken is BERT's WordPiece: vocab.txt, or a tokenizer.json of type WordPiece"
_OTHER_KINDS = {
    "merges.txt": "byte-pair encoding (BPE)",
    "vocab.json": "byte-pair encoding (BPE)",
    "spiece.model": "SentencePiece",
    "sentencepiece.bpe.model": "SentencePiece",
    "tokenizer.model": "SentencePiece",
}
_CLASSES = ("Bert", "DistilBert", "Electra", "PreTrained")
_TOKENIZER_CLASSES = (
    *(f"{name}Tokenizer{fast}" for name in _CLASSES for fast in ("", "Fast")),
    "TokenizersBackend",
)
_ROLES = {
    "pad_token": contract.PAD,
    "unk_token": contract.UNKNOWN,
    "cls_token": contract.START,
    "sep_token": contract.END,
    "mask_token": contract.MASK,
}
_MAX_WORD_CHARACTERS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainedTokenizer:
    """What `tokenizer_config.json` says; the defaults are those of transformers.

    `strip_accents` None is the same as `lower_case`. `max_length` None is no limit.
    """

    lower_case: bool = True
    strip_accents: bool | None = None
    tokenize_chinese_chars: bool = True
    max_length: int | None = None


def read_vocabulary(folder: Path) -> tuple[str, ...]:
    """Reads the tokens, row by row; special ones under the contract's names.

    Raises:
        PretrainedError: There is no WordPiece vocabulary, its files contradict each
            other, or a special token is missing.
    """
    in_json = _json_vocabulary(folder)
    tokens = _text_vocabulary(folder / contract.VOCABULARY_FILE) or in_json
    if tokens is None:
        raise PretrainedError(_no_vocabulary(folder))
    if in_json is not None and in_json[: len(tokens)] != tokens[: len(in_json)]:
        raise PretrainedError(_contradiction(folder, tokens, in_json))
    return _under_our_names(folder, max(tokens, in_json or (), key=len))


def read_tokenizer(folder: Path, tokens: tuple[str, ...]) -> PretrainedTokenizer:
    """Reads how text is normalised and cut into words.

    Raises:
        PretrainedError: It is not BERT's way, or the files contradict each other.
    """
    settings = read_optional(folder / TOKENIZER_CONFIG_FILE)
    _check_class(folder / TOKENIZER_CONFIG_FILE, settings)
    fast = read_optional(folder / TOKENIZER_FILE)
    _check_steps(folder / TOKENIZER_FILE, fast)
    normalizer = fast.get("normalizer") or {}
    choices = {
        "lower_case": _agreed(folder, settings, "do_lower_case", normalizer, True),
        "strip_accents": _agreed(folder, settings, "strip_accents", normalizer, None),
        "tokenize_chinese_chars": _agreed(
            folder, settings, "tokenize_chinese_chars", normalizer, True
        ),
    }
    is_stated = "do_lower_case" in settings or "lowercase" in normalizer
    if not is_stated and (capitals := _capitals(tokens)):
        raise PretrainedError(
            f"{folder} does not say whether text is lower-cased, and its vocabulary "
            f"has capitals, as in {quoted(capitals)}. Write {TOKENIZER_CONFIG_FILE} "
            'with {"do_lower_case": false} there, or true.'
        )
    return PretrainedTokenizer(**choices, max_length=_max_length(settings))


def _text_vocabulary(path: Path) -> tuple[str, ...] | None:
    if not path.exists():
        return None
    try:
        lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PretrainedError(
            f"{path} cannot be read: {error}. It must be UTF-8, one token per line."
        ) from error
    tokens = tuple(line.rstrip("\r") for line in lines)
    rows = {token: row for row, token in enumerate(tokens)}
    if len(rows) < len(tokens) or "" in rows:
        row = next(i for i, t in enumerate(tokens) if not t or rows[t] != i)
        raise PretrainedError(
            f"{path}: line {row + 1} is {quoted(tokens[row])}, which is empty or "
            "stands there twice; each line must be a token of its own. Copy it again."
        )
    return tokens


def _json_vocabulary(folder: Path) -> tuple[str, ...] | None:
    path = folder / TOKENIZER_FILE
    file = read_optional(path)
    if not file:
        return None
    model = file.get("model")
    kind = model.get("type") if isinstance(model, Mapping) else None
    rows = model.get("vocab") if isinstance(model, Mapping) else None
    # Old files do not name the type; only WordPiece has this limit.
    is_word_piece = kind == "WordPiece" or (
        kind is None and model is not None and "max_input_chars_per_word" in model
    )
    if not is_word_piece or not isinstance(rows, Mapping):
        raise PretrainedError(
            f"{path} is of type {quoted(kind)}; {_TAKEN}. Choose a model whose "
            "tokeniser is BERT's."
        )
    tokens = tuple(sorted(rows, key=rows.__getitem__))
    if [rows[token] for token in tokens] != list(range(len(tokens))):
        raise PretrainedError(
            f"{path}: the ids of its vocabulary are not 0 to {len(tokens) - 1}, each "
            "once. Copy or download it again."
        )
    return tokens


def _no_vocabulary(folder: Path) -> str:
    found = [name for name in _OTHER_KINDS if (folder / name).exists()]
    if found:
        return (
            f"{folder} has a vocabulary of another kind: {found[0]} "
            f"({_OTHER_KINDS[found[0]]}); {_TAKEN}. Choose a model whose tokeniser "
            "is BERT's."
        )
    return (
        f"{folder} has neither {contract.VOCABULARY_FILE} nor {TOKENIZER_FILE}; "
        f"{_TAKEN}. Copy the whole folder of the model."
    )


def _contradiction(
    folder: Path, tokens: tuple[str, ...], other: tuple[str, ...]
) -> str:
    pairs = zip(tokens, other, strict=False)
    row = next(i for i, (a, b) in enumerate(pairs) if a != b)
    return (
        f"{folder}: row {row} is {quoted(tokens[row])} in {contract.VOCABULARY_FILE} "
        f"and {quoted(other[row])} in {TOKENIZER_FILE}. They are of different models: "
        "remove the wrong one, or copy the whole folder again."
    )


def _under_our_names(folder: Path, tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Renames special tokens; what is downstream knows them by the contract's names."""
    named = read_optional(folder / SPECIAL_TOKENS_FILE)
    named |= read_optional(folder / TOKENIZER_CONFIG_FILE)
    theirs = {role: _content(named.get(role, ours)) for role, ours in _ROLES.items()}
    missing = [name for name in theirs.values() if name not in tokens]
    if missing:
        raise PretrainedError(
            f"The vocabulary of {folder} ({len(tokens)} tokens) lacks {missing}, which "
            "BERT's tokeniser puts around and into texts. Part of the file is missing, "
            f"or {TOKENIZER_CONFIG_FILE} names the special tokens wrongly."
        )
    names = {theirs[role]: ours for role, ours in _ROLES.items()}
    if tokens[contract.PAD_ID] != theirs["pad_token"]:
        raise PretrainedError(
            f"The vocabulary of {folder} has {quoted(theirs['pad_token'])} in row "
            f"{tokens.index(theirs['pad_token'])}; taken is row {contract.PAD_ID}, "
            "where BERT has it. Choose another model."
        )
    renamed = tuple(names.get(token, token) for token in tokens)
    if len(set(renamed)) < len(renamed) or len(names) < len(_ROLES):
        raise PretrainedError(
            f"{folder}: {TOKENIZER_CONFIG_FILE} names the special tokens {theirs}, and "
            f"the vocabulary has a {contract.SPECIAL_TOKENS} beside them. Correct it."
        )
    return renamed


def _content(token: Any) -> str:
    """A special token is written as text, or as an object that holds the text."""
    return str(token.get("content") if isinstance(token, Mapping) else token)


def _check_class(path: Path, settings: Mapping[str, Any]) -> None:
    name = settings.get("tokenizer_class")
    if name is not None and name not in _TOKENIZER_CLASSES:
        raise PretrainedError(
            f"{path}: tokenizer_class is {quoted(name)}; taken are "
            f"{', '.join(_TOKENIZER_CLASSES)}. Choose a model whose tokeniser is "
            "BERT's."
        )
    if settings.get("do_basic_tokenize", True) is not True:
        raise PretrainedError(
            f"{path}: do_basic_tokenize is false: its texts come cut into words "
            "already; taken are models that cut them as BERT does."
        )


def _check_steps(path: Path, fast: Mapping[str, Any]) -> None:
    """Refuses a tokenizer.json that does what BERT's tokeniser does not."""
    if not fast:
        return
    for step, kind in (
        ("normalizer", "BertNormalizer"),
        ("pre_tokenizer", "BertPreTokenizer"),
    ):
        found = (fast.get(step) or {}).get("type")
        if found != kind:
            raise PretrainedError(
                f"{path}: the {step} is {quoted(found)}; taken is {kind}. Choose a "
                "model whose tokeniser is BERT's."
            )
    expected = {
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": _MAX_WORD_CHARACTERS,
    }
    for key, value in expected.items():
        if fast["model"].get(key, value) != value:
            raise PretrainedError(
                f"{path}: {key} is {quoted(fast['model'][key])}; taken is {value!r}, "
                "as BERT has it. Choose another model."
            )
    words = [t for t in fast.get("added_tokens", ()) if not t.get("special")]
    if words:
        raise PretrainedError(
            f"{path}: added_tokens has {len(words)} words that are no special tokens, "
            f"such as {quoted(words[0].get('content'))}; BERT's tokeniser knows none."
        )


_NORMALIZER_KEYS = {
    "do_lower_case": "lowercase",
    "tokenize_chinese_chars": "handle_chinese_chars",
    "strip_accents": "strip_accents",
}


def _agreed(
    folder: Path,
    settings: Mapping[str, Any],
    key: str,
    normalizer: Mapping[str, Any],
    default: bool | None,
) -> Any:
    """Gives the value of both files; where both have one, they must be equal."""
    other = _NORMALIZER_KEYS[key]
    value = settings.get(key, normalizer.get(other, default))
    if normalizer and normalizer.get(other, value) != value:
        raise PretrainedError(
            f"{folder}: {key} is {value} in {TOKENIZER_CONFIG_FILE}, and {other} is "
            f"{normalizer[other]} in {TOKENIZER_FILE}. Correct the wrong one."
        )
    is_right = isinstance(value, bool) or (value is None and default is None)
    if not is_right:
        raise PretrainedError(
            f"{folder / TOKENIZER_CONFIG_FILE}: {key} is {quoted(value)}; it must be "
            "true or false."
        )
    return value


def _capitals(tokens: tuple[str, ...]) -> str | None:
    words = (t for t in tokens if not t.startswith("["))
    return next((t for t in words if t.isascii() and t != t.lower()), None)


def _max_length(settings: Mapping[str, Any]) -> int | None:
    """Reads model_max_length, where "no limit" is written as 10^30."""
    value = settings.get("model_max_length")
    is_limit = isinstance(value, int) and 0 < value < 10**9
    return value if is_limit else None
