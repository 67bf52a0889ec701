"""Asks Hugging Face's `tokenizers` for the ids that our `bert` tokeniser must give.

    python -m scripts.tokenizers_golden golden
    python -m scripts.tokenizers_golden compare FOLDER [TEXT_FILE …]

`golden` writes what the tests compare with. `compare` takes a pretrained folder and
shows where the device's tokeniser differs, on the hard strings, on the lines of the
files, and on every character. Run it where `tokenizers` is installed, from the top of a
checkout: `.venv-reference/bin/python`.
"""

import argparse
import hashlib
import itertools
import json
import pathlib
from collections.abc import Iterator, Sequence

import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from model import contract
from model.pretrained.vocabulary import read_tokenizer, read_vocabulary
from serving.edge.tokenizer import Tokenizer
from tests.support.pretrained import hard_strings

GOLDEN = pathlib.Path("tests/serving/edge/goldens/tokenizers_ids.json")
BLOCK = 100
"""Strings to a digest."""
SHOWN = 60
"""Strings whose ids stand in the golden file."""


def original(
    tokens: Sequence[str], config: contract.TokenizerConfig
) -> tokenizers.Tokenizer:
    """BERT's tokeniser, as transformers puts it together."""
    ids = {token: row for row, token in enumerate(tokens)}
    made = tokenizers.Tokenizer(models.WordPiece(ids, unk_token=contract.UNKNOWN))
    made.add_special_tokens(list(contract.SPECIAL_TOKENS))
    made.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=config.tokenize_chinese_chars,
        strip_accents=config.strip_accents,
        lowercase=config.lower_case,
    )
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.BertProcessing(
        (contract.END, ids[contract.END]), (contract.START, ids[contract.START])
    )
    made.enable_truncation(config.max_sequence_length)
    return made


def ids_of(made: tokenizers.Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [encoding.ids for encoding in made.encode_batch(list(texts))]


def digests(rows: Sequence[Sequence[int]]) -> list[str]:
    """One hash for each `BLOCK` rows."""
    return [
        hashlib.sha256(json.dumps(rows[i : i + BLOCK]).encode()).hexdigest()[:12]
        for i in range(0, len(rows), BLOCK)
    ]


def write_golden() -> None:
    texts, tokens = hard_strings.hard_strings(), hard_strings.vocabulary()
    golden = {}
    for name in hard_strings.OPTIONS:
        rows = ids_of(original(tokens, hard_strings.config(name)), texts)
        shown = [" ".join(map(str, row)) for row in rows[:SHOWN]]
        golden[name] = {"digests": digests(rows), "ids": shown}
    made_by = {
        "tokenizers": tokenizers.__version__,
        "command": __doc__.split("\n")[2].strip(),
    }
    GOLDEN.write_text(json.dumps({"made_by": made_by, **golden}, indent=1) + "\n")


def different(
    tokens: Sequence[str], config: contract.TokenizerConfig, texts: Sequence[str]
) -> Iterator[tuple[str, list[int], list[int]]]:
    """Gives text, the original's ids and ours, where they are not the same."""
    ours, theirs = Tokenizer(tokens, config), original(tokens, config)
    for text, ids in zip(texts, ids_of(theirs, texts), strict=True):
        if (found := ours(text)) != ids:
            yield text, ids, found


def words_differ(config: contract.TokenizerConfig) -> Iterator[str]:
    """Every character between two letters, cut into words by both."""
    ours = Tokenizer(contract.SPECIAL_TOKENS, config)
    theirs = original(contract.SPECIAL_TOKENS, config)
    surrogates = range(0xD800, 0xE000)
    for code_point in itertools.filterfalse(surrogates.__contains__, range(0x110000)):
        text = f"a{chr(code_point)}b"
        normalized = theirs.normalizer.normalize_str(text)
        words = [w for w, _ in theirs.pre_tokenizer.pre_tokenize_str(normalized)]
        if ours.split(text) != words:
            yield text


def compare(folder: pathlib.Path, files: Sequence[pathlib.Path]) -> None:
    tokens = read_vocabulary(folder)
    options = read_tokenizer(folder, tokens)
    config = contract.TokenizerConfig(
        spec=contract.TokenizerSpec.BERT,
        max_sequence_length=512,
        lower_case=options.lower_case,
        strip_accents=options.strip_accents,
        tokenize_chinese_chars=options.tokenize_chinese_chars,
    )
    texts = hard_strings.hard_strings()
    for file in files:
        texts += file.read_text("utf-8").split("\n")
    found = list(different(tokens, config, texts))
    print(f"{len(found)} of {len(texts):,} texts have other ids")
    for text, theirs, ours in found[:10]:
        print(f"{text!a}\n  original {theirs}\n  ours     {ours}")
    unequal = [ascii(text) for text in words_differ(config)]
    print(f"{len(unequal)} of 1,112,064 characters are cut otherwise: {unequal[:20]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["golden", "compare"])
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.mode == "golden":
        write_golden()
    elif arguments.folder is None:
        parser.error("compare needs a pretrained folder")
    else:
        compare(arguments.folder, arguments.files)


if __name__ == "__main__":
    main()
