"""The text and the label of tf.Examples."""

from pathlib import Path

import pytest
import tensorflow as tf

from components.examples import parse_row, read_rows
from pipeline.data.tfrecords import example
from tests.support.labelled_rows import write_examples

ROWS = [("rain, rain", "weather"), ("", "b"), ("日本語 🌨", "größe")]


def test_every_row_of_a_split_comes_back_as_bytes(tmp_path: Path) -> None:
    folder = write_examples(tmp_path, ROWS)
    assert list(read_rows(folder)) == [(t.encode(), la.encode()) for t, la in ROWS]


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, text in (("b", "second"), ("a", "first")):
        with tf.io.TFRecordWriter(str(tmp_path / name), options="GZIP") as writer:
            writer.write(example(text, "x").SerializeToString())
    assert [text for text, _ in read_rows(str(tmp_path))] == [b"first", b"second"]


@pytest.mark.parametrize(
    ("text", "label", "complaint"),
    [
        ([], [b"x"], "has 0 'text' and 1 'label' values"),
        ([b"x"], [], "has 1 'text' and 0 'label' values"),
        ([b"x", b"y"], [b"z"], "has 2 'text' and 1 'label' values"),
    ],
)
def test_a_row_without_exactly_one_of_both_is_an_error(
    text: list[bytes], label: list[bytes], complaint: str
) -> None:
    record = tf.train.Example()
    record.features.feature["text"].bytes_list.value.extend(text)
    record.features.feature["label"].bytes_list.value.extend(label)
    with pytest.raises(ValueError, match=complaint):
        parse_row(record.SerializeToString())
