"""A file that is not what its name says, or not whole, is named with what it is."""

import bz2
import gzip
import lzma
import os
import re
import threading
from pathlib import Path

import pytest

from serving.text_files.reading import read_rows, read_texts
from serving.text_files.rows import Columns, Row, TextFileError

CSV = b"text,label\na,x\nb,y\n"
LONG = b"text,label\n" + b"".join(b"%d is %d,x\n" % (n, n * n) for n in range(30_000))


def _read(path: Path) -> list[Row]:
    return list(read_rows(path, Columns()))


@pytest.mark.parametrize(
    "content, message",
    [
        (
            gzip.compress(LONG, mtime=0)[:-9000],
            r"cut off after row \d\d+: Compressed file",
        ),
        (gzip.compress(LONG, mtime=0)[:-4], "cut off after row 30001: Compressed file"),
        (gzip.compress(LONG, mtime=0)[:7], "cut off: Compressed file ended"),
        (
            gzip.compress(CSV, mtime=0) + b"more",
            "cannot be read after row 3: Not a gzipped",
        ),
        (gzip.compress(CSV, mtime=0)[:-6] + b"wrong!", "after row 3: CRC check failed"),
        (gzip.compress(gzip.compress(CSV, mtime=0), mtime=0), "is gzipped twice"),
        (gzip.compress(b"", mtime=0), "is empty: it has no header"),
    ],
    ids=["cut", "end cut", "head only", "more behind", "checksum", "twice", "empty"],
)
def test_a_cut_or_damaged_gz_is_named_with_its_row(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(content)
    with pytest.raises(TextFileError, match=message) as caught:
        _read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    "name, content, note",
    [
        ("d.csv", gzip.compress(CSV, mtime=0), "it is gzipped, although"),
        ("d.csv.gz", CSV, "it is not gzipped, although"),
        ("d.csv.GZ", gzip.compress(CSV, mtime=0), None),
    ],
)
def test_gzip_is_seen_by_its_bytes_and_a_wrong_name_is_said(
    tmp_path: Path, name: str, content: bytes, note: str | None
) -> None:
    (tmp_path / name).write_bytes(content)
    notes: list[str] = []
    rows = list(read_rows(tmp_path / name, Columns(), notes.append))
    assert rows == [Row(2, "a", "x"), Row(3, "b", "y")]
    assert [text.startswith(note or "") for text in notes] == [True] * bool(note)


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.tsv", "d.txt"])
@pytest.mark.parametrize(
    "content, what",
    [
        (b"PK\x03\x04" + bytes(30), "a zip archive or spreadsheet"),
        (b"\x28\xb5\x2f\xfd" + bytes(30), "packed with zstd"),
        (bz2.compress(CSV), "packed with bzip2"),
        (lzma.compress(CSV), "packed with xz"),
        (b"PAR1" + bytes(30), "a Parquet file"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf\n<html>", "a web page"),
        (b"<?xml version='1.0'?>", "XML"),
        (bytes(257) + b"ustar" + bytes(250), "a tar archive"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (CSV.decode().encode("utf-16"), "UTF-16, not UTF-8 text. Save it as UTF-8"),
        (CSV.decode().encode("utf-16-le"), "UTF-16 without a mark"),
        (CSV.decode().encode("utf-32"), "UTF-32"),
        (bytes(range(32)) + bytes(30), "binary data"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_text_is_named_and_never_printed(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TextFileError, match=f"is {re.escape(what)}") as caught:
        list(read_texts(tmp_path / name, "text"))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "path, message",
    [("/dev/null", "is a device. Name a file"), ("/", "is a folder. Name a file")],
)
def test_a_device_and_a_folder_are_no_files(path: str, message: str) -> None:
    with pytest.raises(TextFileError, match=message):
        list(read_texts(Path(path), "text"))


def test_a_link_to_nothing_says_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "d.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(TextFileError, match="is a link to .*gone.csv, which is not"):
        _read(tmp_path / "d.csv")


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d.csv").write_bytes(CSV)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Who runs the tests as root may read everything.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(TextFileError, match="cannot be read: Permission denied. Ask"):
        _read(tmp_path / "d.csv")


def test_a_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LONG,))
    writer.start()
    rows = _read(path)
    writer.join()
    assert (len(rows), rows[-1].number) == (30_000, 30_001)


def test_a_name_that_is_no_utf_8_can_be_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff\x1b[2J.csv"))
    path.write_bytes(b"a,b\n")
    with pytest.raises(TextFileError) as caught:
        _read(path)
    assert r"/d\xff\x1b[2J.csv has no column 'text'" in str(caught.value)


@pytest.mark.parametrize(
    "name, advice",
    [
        ("d.json", "jq -c '.[]' OLD > NEW.jsonl"),
        ("d.xlsx", "Save the sheet as CSV"),
        ("d.csv.zip", "Unpack it; what may stay packed is one layer of gzip"),
        ("d.csv.gz.gz", "Unpack it; what may stay packed is one layer of gzip"),
        ("d.md5", "its name ends in '.md5', allowed are .csv, .jsonl"),
        ("d", "its name has no ending"),
    ],
)
def test_a_name_that_says_no_format_gets_advice(
    tmp_path: Path, name: str, advice: str
) -> None:
    (tmp_path / name).write_bytes(CSV)
    with pytest.raises(TextFileError, match=re.escape(advice)):
        _read(tmp_path / name)


def test_a_name_that_says_no_format_has_a_text_a_line_blank_ones_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "d.txt").write_bytes(b"\xef\xbb\xbfone\n\n\xff\r\n  \nlast, one")
    rows = list(read_texts(tmp_path / "d.txt", "text"))
    assert rows == [
        Row(1, "one"),
        Row(2, ""),
        Row(3, problem="invalid_utf8"),
        Row(4, "  "),
        Row(5, "last, one"),
    ]
