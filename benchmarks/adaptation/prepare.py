"""The rows of a data set as token ids of a pretrained vocabulary."""

import dataclasses
import pathlib
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from model import contract
from model.pretrained.folder import PretrainedFolder
from model.text.tokenization import GraphTokenizer
from pipeline.config import Environment
from pipeline.data import ingest
from pipeline.data.config import DataConfig
from pipeline.data.public import resolve

_MAX_SEQUENCE_LENGTH = 64
_ROWS = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared:
    """A pretrained folder, and the splits in its vocabulary, below `records_dir`."""

    folder: PretrainedFolder
    labels: Sequence[str]
    splits: Mapping[str, Sequence[tuple[str, str]]]
    tokenizer: contract.TokenizerConfig
    records_dir: pathlib.Path

    def pattern(self, split: str) -> str:
        """Writes a split's records as the pipeline does, and gives their path."""
        path = self.records_dir / f"{split}.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with tf.io.TFRecordWriter(str(path), options="GZIP") as writer:
            for token_ids, labels in self.batches(split):
                for ids, label in zip(token_ids, labels, strict=True):
                    writer.write(_example(ids[ids != contract.PAD_ID], label))
        return str(path)

    def batches(self, split: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields token ids `[B, T]` and label ids `[B]`."""
        number = {label: index for index, label in enumerate(self.labels)}
        tokenize = GraphTokenizer(self.folder.vocabulary, self.tokenizer)
        rows = self.splits[split]
        for start in range(0, len(rows), _ROWS):
            texts, labels = zip(*rows[start : start + _ROWS], strict=True)
            ids = tokenize(tf.constant(texts)).to_tensor(contract.PAD_ID)
            yield ids.numpy().astype(np.int32), np.array([number[i] for i in labels])

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Cuts texts without the start and the end token."""
        tokenize = GraphTokenizer(self.folder.vocabulary, self.tokenizer)
        return tokenize(tf.constant(list(texts)))[:, 1:-1].to_list()


def prepare(request: Mapping[str, Any]) -> Prepared:
    """Reads what the request names; the splits are those of `ktp run`."""
    source = resolve(request["data"], Environment.from_env())
    dataset = ingest.load(source, DataConfig())
    folder = PretrainedFolder.open(request["pretrained"])
    splits = dict(dataset.splits)
    if request["rows"]:
        some = random.Random(0)
        splits[contract.TRAIN] = some.sample(splits[contract.TRAIN], request["rows"])
    cut = folder.tokenizer
    return Prepared(
        folder=folder,
        labels=list(dataset.labels),
        splits=splits,
        tokenizer=contract.TokenizerConfig(
            spec=contract.TokenizerSpec.BERT,
            max_sequence_length=_MAX_SEQUENCE_LENGTH,
            lower_case=cut.lower_case,
            strip_accents=cut.strip_accents,
            tokenize_chinese_chars=cut.tokenize_chinese_chars,
        ),
        records_dir=pathlib.Path(request["work_dir"]) / "records",
    )


def _example(token_ids: np.ndarray, label_id: int) -> bytes:
    features = {contract.TOKEN_IDS: token_ids, contract.LABEL_ID: [label_id]}
    feature = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        for name, values in features.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString()
