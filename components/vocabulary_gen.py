"""VocabularyGen: learns the sub-word vocabulary and the label list on the train split.

Texts without a label, where there are some, join the counting of words. Of a
pretrained encoder the vocabulary is given; then only the labels are counted.

The words are counted by Beam, so that the text may be larger than a machine; what is
left to do on one machine depends on the number of different words only.
"""

import collections
import json
import os
from collections.abc import Iterator, Sequence

import apache_beam as beam
import tensorflow as tf
from tfx import v1 as tfx
from tfx.types import artifact_utils

from components.artifacts import Vocabulary
from components.examples import parse_row
from model import contract
from model.pretrained.source import PretrainedSource
from model.text import tokenization, wordpiece

_BATCH_ROWS = 4096
_WORD, _LABEL = "word", "label"


@tfx.dsl.components.component(use_beam=True)
def VocabularyGen(
    examples: tfx.dsl.components.InputArtifact[tfx.types.standard_artifacts.Examples],
    vocabulary: tfx.dsl.components.OutputArtifact[Vocabulary],
    tokenizer: tfx.dsl.components.Parameter[str],
    vocabulary_size: tfx.dsl.components.Parameter[int],
    code_fingerprint: tfx.dsl.components.Parameter[str],
    pretrained: tfx.dsl.components.Parameter[str] = "",
    beam_pipeline: tfx.dsl.components.BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Writes a `Vocabulary`; `tokenizer` is `TokenizerConfig` as JSON.

    `pretrained` is a `PretrainedSource` as JSON, or empty.
    """
    del code_fingerprint  # Only makes the cache see a change of the code.
    splits = artifact_utils.decode_split_names(examples.split_names)
    learn(
        patterns=[
            f"{artifact_utils.get_split_uri([examples], split)}/*"
            for split in (contract.TRAIN, contract.UNLABELLED)
            if split in splits
        ],
        output_dir=vocabulary.uri,
        config=contract.TokenizerConfig.from_json(tokenizer),
        vocabulary_size=vocabulary_size,
        given=_given(pretrained),
        beam_pipeline=beam_pipeline,
    )


def _given(pretrained: str) -> Sequence[str]:
    if not pretrained:
        return ()
    with PretrainedSource(**json.loads(pretrained)).opened() as folder:
        return folder.vocabulary


def learn(
    *,
    patterns: Sequence[str],
    output_dir: str,
    config: contract.TokenizerConfig,
    vocabulary_size: int,
    beam_pipeline: beam.Pipeline,
    given: Sequence[str] = (),
) -> None:
    """Counts words and labels of the TFRecords at `patterns`, then learns from them.

    Args:
        given: a vocabulary that is taken as it is; no words are counted.

    Raises:
        ValueError: `vocabulary_size` has no room beyond the special tokens.
    """
    counts_prefix = os.path.join(output_dir, "counts", "part")
    with beam_pipeline:
        _ = (
            beam_pipeline
            | "Patterns" >> beam.Create(list(patterns))
            | "Read" >> beam.io.ReadAllFromTFRecord()
            | "Batch" >> beam.BatchElements(max_batch_size=_BATCH_ROWS)
            | "Count" >> beam.ParDo(_CountWords(config, counts_words=not given))
            | "Sum" >> beam.CombinePerKey(sum)
            | "Format" >> beam.Map(_format_count)
            | "Write" >> beam.io.WriteToText(counts_prefix)
        )
    words, labels = _read_counts(counts_prefix)
    tokens = given or wordpiece.learn_vocabulary(words, vocabulary_size)
    _write_lines(output_dir, contract.VOCABULARY_FILE, tokens)
    _write_lines(output_dir, contract.LABELS_FILE, sorted(labels))
    _write_lines(output_dir, contract.TOKENIZER_FILE, [config.to_json()])
    tf.io.gfile.rmtree(os.path.dirname(counts_prefix))


class _CountWords(beam.DoFn):
    """Batches of serialised examples -> `((kind, word), count)`."""

    def __init__(self, config: contract.TokenizerConfig, counts_words: bool) -> None:
        self._config = config
        self._counts_words = counts_words

    def setup(self) -> None:
        self._splitter = tokenization.GraphSplitter(self._config)

    def process(self, batch: list[bytes]) -> Iterator[tuple[tuple[str, str], int]]:
        rows = [parse_row(record) for record in batch]
        texts = [text for text, _ in rows] if self._counts_words else []
        words = self._splitter.count_words(texts)
        labels = collections.Counter(label.decode() for _, label in rows)
        del labels[contract.NO_LABEL]
        for kind, counts in ((_WORD, words), (_LABEL, labels)):
            for key, count in counts.items():
                yield (kind, key), count


def _format_count(item: tuple[tuple[str, str], int]) -> str:
    (kind, key), count = item
    return f"{kind}\t{count}\t{key.encode().hex()}"  # A word may hold any character.


def _read_counts(prefix: str) -> tuple[dict[str, int], dict[str, int]]:
    counts: dict[str, dict[str, int]] = {_WORD: {}, _LABEL: {}}
    for file in sorted(tf.io.gfile.glob(f"{prefix}*")):
        with tf.io.gfile.GFile(file) as lines:
            for line in lines:
                kind, count, key = line.rstrip("\n").split("\t")
                counts[kind][bytes.fromhex(key).decode()] = int(count)
    return counts[_WORD], counts[_LABEL]


def _write_lines(folder: str, name: str, lines: Sequence[str]) -> None:
    with tf.io.gfile.GFile(os.path.join(folder, name), "w") as file:
        file.write("".join(f"{line}\n" for line in lines))


def read_labels(vocabulary_uri: str) -> list[str]:
    """Reads the labels of a `Vocabulary`, in the order of the class ids."""
    return read_lines(vocabulary_uri, contract.LABELS_FILE)


def read_lines(vocabulary_uri: str, name: str) -> list[str]:
    """Reads the lines of one file of a `Vocabulary`."""
    with tf.io.gfile.GFile(os.path.join(vocabulary_uri, name)) as file:
        return contract.parse_lines(file.read())
