"""A data set as all frameworks learn from it: token ids and label ids, by split."""

import pathlib
from collections.abc import Mapping

import tensorflow as tf

from benchmarks.training.records import Row
from benchmarks.training.sizes import MAX_SEQUENCE_LENGTH
from model import contract
from model.text import tokenization, wordpiece
from pipeline.data import ingest
from pipeline.data.config import DataConfig

SPLITS = (contract.TRAIN, contract.VALIDATION)
CONFIG = contract.TokenizerConfig(max_sequence_length=MAX_SEQUENCE_LENGTH)


def token_rows(path: pathlib.Path, vocabulary_size: int) -> Mapping[str, list[Row]]:
    """Reads, splits and tokenises, with a vocabulary of the train split's own."""
    dataset = ingest.load(path, DataConfig())
    texts = {s: [text for text, _ in dataset.splits[s]] for s in SPLITS}
    words = tokenization.GraphSplitter(CONFIG).count_words(texts[contract.TRAIN])
    vocabulary = wordpiece.learn_vocabulary(words, vocabulary_size)
    tokenizer = tokenization.GraphTokenizer(vocabulary, CONFIG)
    class_of = {label: number for number, label in enumerate(dataset.labels)}
    rows = {}
    for split in SPLITS:
        token_ids = tokenizer(tf.constant(texts[split])).to_list()
        classes = (class_of[label] for _, label in dataset.splits[split])
        rows[split] = list(zip(token_ids, classes, strict=True))
    return rows
