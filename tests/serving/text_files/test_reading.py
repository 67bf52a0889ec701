"""Every format gives the same rows, and says which file is not what it seems."""

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from serving.text_files.reading import READERS, read_rows
from serving.text_files.rows import Columns, Row, TextFileError

ROWS = [('grüße, "Welt"', "a"), ("line\nbreak", "b"), ("emoji 🚲", "a")]


def _write_csv(path: Path) -> None:
    quoted = ['"' + t.replace('"', '""') + f'",{label}' for t, label in ROWS]
    path.write_text("\n".join(["text,label", *quoted]))


def _write_jsonl(path: Path) -> None:
    path.write_text("\n".join(json.dumps({"text": t, "label": c}) for t, c in ROWS))


def _write_parquet(path: Path) -> None:
    texts, labels = zip(*ROWS, strict=True)
    pyarrow.parquet.write_table(
        pyarrow.table({"text": list(texts), "label": list(labels)}), path
    )


def _write_tfrecord(path: Path) -> None:
    import tensorflow as tf

    from pipeline.data.tfrecords import example

    with tf.io.TFRecordWriter(str(path)) as writer:
        for text, label in ROWS:
            writer.write(example(text, label).SerializeToString())


WRITERS = {
    "d.csv": _write_csv,
    "d.jsonl": _write_jsonl,
    "d.ndjson": _write_jsonl,
    "d.parquet": _write_parquet,
    "d.tfrecord": _write_tfrecord,
    "d.tfrecords": _write_tfrecord,
}


def _read(path: Path, **columns: str) -> list[Row]:
    return list(read_rows(path, Columns(**columns)))


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    rows = _read(tmp_path / name)
    assert [(row.text, row.label) for row in rows] == ROWS
    assert not any(row.problem for row in rows)


def test_every_reader_is_tried_above() -> None:
    assert {Path(name).suffix for name in WRITERS} | {".tsv"} == READERS.keys()


def test_tabs_separate_in_a_tsv_file(tmp_path: Path) -> None:
    (tmp_path / "d.tsv").write_text("text\tlabel\none, two\ta\n")
    assert _read(tmp_path / "d.tsv") == [Row(2, "one, two", "a")]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"text,label\none,a\n"))
    assert _read(tmp_path / "d.csv.gz") == [Row(2, "one", "a")]


def test_columns_can_have_other_names(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("id,utterance,intent\n7,one,a\n")
    assert _read(tmp_path / "d.csv", text="utterance", label="intent") == [
        Row(2, "one", "a")
    ]


def test_integer_labels_become_text(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"text": "one", "label": 3}\n')
    assert _read(tmp_path / "d.jsonl") == [Row(1, "one", "3")]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{not json", "invalid_json"),
        ("[1, 2]", "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"text": "x"}', "missing_field"),
        ('{"text": null, "label": "a"}', "missing_field"),
        ('{"text": 5, "label": "a"}', "wrong_type"),
        ('{"text": "x", "label": ["a"]}', "wrong_type"),
        (r'{"text": "\ud800", "label": "a"}', "invalid_utf8"),
    ],
)
def test_a_bad_json_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    good = '{"text": "one", "label": "a"}'
    (tmp_path / "d.jsonl").write_text(f"{good}\n{line}\n{good}\n")
    assert [row.problem for row in _read(tmp_path / "d.jsonl")] == [None, problem, None]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"", "is empty"),
        ("d.xlsx", b"PK", "not a format that can be read"),
        ("d.csv", "text,label\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        ("d.csv", b"PK\x03\x04rest", "zip archive or spreadsheet"),
        ("d.csv", b"text,topic\nx,a\n", "no column 'label'; it has 'text', 'topic'"),
        ("d.csv", b"text,label,text\nx,a,y\n", "names the column 'text' 2 times"),
        ("d.jsonl", b'{"body": "x", "label": "a"}\n', "no column 'text'"),
        ("d.parquet", b"not parquet at all", "is not a Parquet file"),
        ("d.tfrecord", b"not a record file", "is not a TFRecord file"),
    ],
)
def test_a_file_that_is_not_what_it_seems_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TextFileError, match=message):
        _read(tmp_path / name)
