"""Records with fields of their own: JSON lines, Parquet, tf.Examples."""

import decimal
import gzip
import re
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from serving.client import protos
from serving.formats.tfrecord import write_record
from serving.text_files.reading import read_rows, read_texts
from serving.text_files.rows import Columns, Row, TextFileError

GOOD = '{"text": "a", "label": "x"}'


def _read(path: Path) -> list[Row]:
    return list(read_rows(path, Columns()))


def _json(folder: Path, *lines: str) -> list[Row]:
    (folder / "d.jsonl").write_text("\n".join(lines))
    return _read(folder / "d.jsonl")


def _parquet(folder: Path, labels: Any, texts: Any = None) -> Path:
    texts = [f"text {n}" for n in range(len(labels))] if texts is None else texts
    table = pyarrow.table({"text": texts, "label": labels})
    pyarrow.parquet.write_table(table, folder / "d.parquet")
    return folder / "d.parquet"


def _example(**features: list[Any]) -> bytes:
    message = protos.Example()
    for name, values in features.items():
        kind = {bytes: "bytes_list", int: "int64_list", float: "float_list"}
        value = getattr(message.features.feature[name], kind[type(values[0])]).value
        value.extend(values)
    return message.SerializeToString()


def _tfrecord(path: Path, *records: bytes) -> Path:
    with path.open("wb") as file:
        for record in records:
            write_record(file, record)
    return path


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_record_without_a_label_is_one_row_also_as_the_first(
    tmp_path: Path, at: int
) -> None:
    lines = [GOOD] * 3
    lines[at] = '{"text": "a"}'
    problems = [row.problem for row in _json(tmp_path, *lines)]
    assert [at] == [n for n, problem in enumerate(problems) if problem]
    assert problems[at] == "missing_field"


def test_a_mark_in_the_middle_where_files_were_joined_costs_no_row(
    tmp_path: Path,
) -> None:
    rows = _json(tmp_path, f"\ufeff{GOOD}", f"\ufeff{GOOD}", GOOD)
    assert [row.problem for row in rows] == [None] * 3
    (tmp_path / "d.txt").write_text("\ufeffa\n\ufeffb\n")
    assert [row.text for row in read_texts(tmp_path / "d.txt", "text")] == ["a", "b"]


def test_a_field_that_no_record_has_is_a_missing_column(tmp_path: Path) -> None:
    with pytest.raises(TextFileError, match="no column 'label'; it has 'text', 'b'"):
        _json(tmp_path, '{"text": "a"}', '{"b": 1}')
    with pytest.raises(TextFileError, match="Did you mean --label-column 'Label'"):
        _json(tmp_path, *['{"text": "a", "Label": "x"}'] * 2000)
    example = _example(text=[b"a"])
    with pytest.raises(TextFileError, match="no column 'label'; it has 'text'"):
        _read(_tfrecord(tmp_path / "d.tfrecord", example, example))


@pytest.mark.parametrize(
    "line, problem",
    [
        ('{"text": "a", "label": "x", "text": "b"}', "doubled_field"),
        ('{"text": "say \\"text\\"", "label": "text", "b": {"text": 1}}', None),
        ('{"text": "a", "label": NaN}', "missing_field"),
        ('{"text": "a\\u0000", "label": "x"}', "nul_byte"),
    ],
)
def test_a_doubtful_json_line_is_named(
    tmp_path: Path, line: str, problem: str | None
) -> None:
    assert [row.problem for row in _json(tmp_path, GOOD, line)] == [None, problem]


@pytest.mark.parametrize("content", [f"[{GOOD}]", f"\n[\n{GOOD}\n]", '["text"]'])
def test_a_json_array_is_no_json_lines(tmp_path: Path, content: str) -> None:
    with pytest.raises(TextFileError, match=r"is a JSON array, .*jq -c '\.\[\]'"):
        _json(tmp_path, content)


@pytest.mark.parametrize(
    "labels, expected",
    [
        ([1.0, None, 2.5], ["1", None, "2.5"]),
        ([1.0, float("nan"), 3.0], ["1", None, "3"]),
        ([7, 8, None], ["7", "8", None]),
        ([True, False], ["True", "False"]),
        ([b"x", "größe".encode()], ["x", "größe"]),
        ([decimal.Decimal("1.50"), decimal.Decimal("2.00")], ["1.50", "2"]),
        (pyarrow.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pyarrow.array(["x", "y"], pyarrow.large_string()), ["x", "y"]),
        (pyarrow.array([1, 2], pyarrow.uint8()), ["1", "2"]),
        (pyarrow.array([0.1, None, 2], pyarrow.float32()), ["0.1", None, "2"]),
        (pyarrow.array([1.0, 2.5]).cast(pyarrow.float16()), ["1", "2.5"]),
    ],
    ids=(
        "floats nan ints booleans binary decimals categories large small single half"
    ).split(),
)
def test_labels_of_parquet_become_text(
    tmp_path: Path, labels: Any, expected: list[str | None]
) -> None:
    rows = _read(_parquet(tmp_path, labels))
    assert [None if row.problem else row.label for row in rows] == expected
    assert {row.problem for row in rows} <= {None, "missing_field"}


@pytest.mark.parametrize(
    "labels, texts, message",
    [
        ([["x"], ["y"]], None, "'label' holds list<.*; it must hold text, numbers or"),
        ([{"a": 1}], None, "'label' holds struct<"),
        (["x", "y"], [1, 2], "'text' holds int64; it must hold text."),
    ],
)
def test_columns_of_parquet_that_hold_no_text_are_refused_at_once(
    tmp_path: Path, labels: Any, texts: Any, message: str
) -> None:
    with pytest.raises(TextFileError, match=message):
        _read(_parquet(tmp_path, labels, texts))


def test_doubled_columns_of_parquet_are_refused(tmp_path: Path) -> None:
    columns = [pyarrow.array(["a"]), pyarrow.array(["b"]), pyarrow.array(["x"])]
    table = pyarrow.Table.from_arrays(columns, names=["text", "text", "label"])
    pyarrow.parquet.write_table(table, tmp_path / "d.parquet")
    with pytest.raises(TextFileError, match="names the column 'text' 2 times"):
        _read(tmp_path / "d.parquet")


def test_a_damaged_page_of_parquet_is_named_with_its_record(tmp_path: Path) -> None:
    path = _parquet(tmp_path, ["x"] * 50_000)
    content = bytearray(path.read_bytes())
    content[5000:9000] = b"\xff\x1b" * 2000
    path.write_bytes(content)
    with pytest.raises(TextFileError, match=r"damaged Parquet.*after record \d") as got:
        _read(path)
    assert str(got.value).isprintable()


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string()])
@pytest.mark.parametrize("column", ["text", "label"])
def test_a_text_of_parquet_that_is_no_utf_8_costs_its_row_only(
    tmp_path: Path, column: str, kind: pyarrow.DataType
) -> None:
    broken = pyarrow.array([b"a", b"b\xff", b"c"]).cast(kind, safe=False)
    table = pyarrow.table({"text": ["a", "b", "c"], "label": ["x", "y", "x"]})
    at = table.schema.get_field_index(column)
    table = table.set_column(at, column, broken)
    pyarrow.parquet.write_table(table, tmp_path / "d.parquet")
    problems = [row.problem for row in _read(tmp_path / "d.parquet")]
    assert problems == [None, "invalid_utf8", None]


def test_a_changed_bit_is_found_where_pages_have_checksums(tmp_path: Path) -> None:
    path = tmp_path / "d.parquet"
    table = pyarrow.table({"text": ["some text", "b"], "label": ["x", "y"]})
    pyarrow.parquet.write_table(
        table, path, write_page_checksum=True, compression="none"
    )
    path.write_bytes(path.read_bytes().replace(b"some text", b"some tent", 1))
    with pytest.raises(TextFileError, match="damaged Parquet file: .* checksum"):
        _read(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"PARE\0\0", "is an encrypted Parquet file. Write it without a key"),
        (b"PAR1", "is a damaged Parquet file: after record 0"),
        (b"text,label\n", "is not a Parquet file: it begins with 'text,label"),
        (b"PK\x03\x04", "is not a Parquet file: a zip archive"),
    ],
)
def test_what_is_no_parquet_is_named(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "d.parquet").write_bytes(content)
    with pytest.raises(TextFileError, match=message):
        _read(tmp_path / "d.parquet")


def test_an_empty_parquet_has_no_rows_and_a_gzipped_one_has_its_rows(
    tmp_path: Path,
) -> None:
    path = _parquet(tmp_path, pyarrow.array([], pyarrow.string()), [])
    assert _read(_parquet(tmp_path, pyarrow.array([], pyarrow.string()))) == []
    path = _parquet(tmp_path, ["x", "y"])
    packed = tmp_path / "d.parquet.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert [row.label for row in _read(packed)] == ["x", "y"]


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_cut_tfrecord_is_named_with_its_record(tmp_path: Path, cut: int) -> None:
    path = _tfrecord(
        tmp_path / "d.tfrecord", *[_example(text=[b"a"], label=[b"x"])] * 3
    )
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(TextFileError, match="cut off after record 2: truncated"):
        _read(path)


def test_a_damaged_tfrecord_and_one_of_something_else_are_named(tmp_path: Path) -> None:
    path = _tfrecord(
        tmp_path / "d.tfrecord", *[_example(text=[b"a"], label=[b"x"])] * 3
    )
    content = path.read_bytes()
    path.write_bytes(content[:20] + b"\xff" + content[21:])
    with pytest.raises(TextFileError, match="after record 0: corrupted record"):
        _read(path)
    _tfrecord(path, _example(text=[b"a"], label=[b"x"]), b"\xff\xff nonsense")
    with pytest.raises(TextFileError, match="record 2 is no tf.Example"):
        _read(path)


def test_a_long_first_tf_example_is_not_taken_for_gzip(tmp_path: Path) -> None:
    size = 0x8B1F - len(_example(text=[b"a" * 35_000], label=[b"x"])) + 35_000
    record = _example(text=[b"a" * size], label=[b"x"])
    path = _tfrecord(tmp_path / "d.tfrecord", record)
    assert path.read_bytes().startswith(b"\x1f\x8b")
    assert [row.label for row in _read(path)] == ["x"]


def test_tf_examples_may_have_numbers_as_labels_and_lack_one(tmp_path: Path) -> None:
    records = [
        _example(text=[b"a"], label=[1.0]),
        _example(text=[b"a"], label=[0.1]),
        _example(text=[b"b"], label=[3]),
        _example(text=[b"c"]),
        _example(text=[b"\xff"], label=[b"x"]),
    ]
    path = tmp_path / "d.tfrecord.gz"
    path.write_bytes(gzip.compress(_tfrecord(path, *records).read_bytes()))
    assert [(row.label, row.problem) for row in _read(path)] == [
        ("1", None),
        ("0.1", None),
        ("3", None),
        ("", "missing_field"),
        ("", "invalid_utf8"),
    ]


def test_a_library_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _parquet(tmp_path, ["x"])
    records = _tfrecord(tmp_path / "d.tfrecord", _example(text=[b"a"], label=[b"x"]))
    for module in ("pyarrow", "google_crc32c"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "serving.formats.tfrecord")
    with pytest.raises(TextFileError, match="Install it with: pip install pyarrow"):
        _read(path)
    with pytest.raises(TextFileError, match="with: pip install google-crc32c"):
        _read(records)


@pytest.mark.parametrize("name", ["d.jsonl", "d.parquet", "d.tfrecord", "d.csv"])
def test_texts_need_no_label(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "d.parquet":
        pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), path)
    elif name == "d.tfrecord":
        _tfrecord(path, _example(text=[b"a"]), _example(text=[b"b"]))
    else:
        content = '{"text": "a"}\n{"text": "b"}' if "json" in name else "text\na\nb\n"
        path.write_text(content)
    assert [row.text for row in read_texts(path, "text")] == ["a", "b"]
    with pytest.raises(TextFileError, match=re.escape("no column 'body'")):
        list(read_texts(path, "body"))
