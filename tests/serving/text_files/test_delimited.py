"""CSV and TSV: every row arrives with its line, or the file is refused by line."""

import re
from pathlib import Path

import pytest

from serving.text_files import csv_records
from serving.text_files.reading import read_rows, read_texts
from serving.text_files.rows import Columns, Row, TextFileError

HEADER = "text,label\n"


def _write(folder: Path, content: str, name: str = "d.csv") -> Path:
    (folder / name).write_bytes(content.encode())
    return folder / name


def _read(folder: Path, content: str, name: str = "d.csv") -> list[Row]:
    return list(read_rows(_write(folder, content, name), Columns()))


def _plain(folder: Path, content: str, name: str = "d.csv") -> list[tuple[str, str]]:
    rows = _read(folder, content, name)
    assert not any(row.problem for row in rows)
    return [(row.text, row.label) for row in rows]


@pytest.mark.parametrize(
    "rows, message",
    [
        ('a,x\n"b,y\nc,x\n', "line 3: the quote .* never closed; .* ends in line 4"),
        ('"b,y\n' + "c,x\n" * 900, "line 2: .* not closed within 500 lines: '\"b,y'"),
        ('"b\n' + "c\n" * 499 + 'd",x\n', "line 2: .* not closed within 500 lines"),
        ('"a" b,x\nc,y\n', "line 2: text follows a closing quote: '\"a\" b,x'"),
        ('a,x\n"b,y\nc,x\n"d,y\n', r"line 5: text follows .* \(opened in line 3\)"),
        ('"say \\"hi\\"",x\n', "line 2: .* A backslash does not make a quote part"),
        ('a,x\nb,"y\n', "line 3: the quote .* never closed"),
        ('"a""\nb,x\n', "line 2: the quote .* never closed"),
        ('a,x\r\n"b,y\r\nc,x\r\n', "line 3: .* never closed; .* line 4: '\"b,y'"),
    ],
)
def test_a_stray_quote_is_named_with_its_line_and_advice(
    tmp_path: Path, rows: str, message: str
) -> None:
    with pytest.raises(TextFileError, match=message) as caught:
        _read(tmp_path, HEADER + rows)
    assert str(caught.value).startswith(f"{tmp_path / 'd.csv'}, line ")
    assert '"5"" pipe",label' in str(caught.value)


@pytest.mark.parametrize(
    "rows, line",
    [
        ('a,x\nb,y\n"c,x\nd,y\ne,x\nf",y\ng,x\n', 4),
        ('a,x\nb,y\n"c,x\nd",y\n', 4),
        ('a,x\nb,y\nc,"x\nd,y"\n', 4),
        ('"c,x\nd,y\nf",y\ng,x\nh,y\n', 2),
        ("a,x\nb,y\n" + '"c,x\n' + "d,y\n" * 400 + 'f",y\n', 4),
        ('a,x\n"b,x\nc,z\nd",x\n', 3),
        ('a,x\nb,y\n"c,x\nd,y\ne,x"\nf,y\n', 4),
        ('a,x\nb,y\n"c,x\nd,y\ne",x,x\nf,y\n', 4),
    ],
    ids=[
        "several",
        "the next",
        "in the label",
        "labels come later",
        "many",
        "a label",
        "to the end of a row",
        "with a field too many",
    ],
)
def test_two_stray_quotes_do_not_swallow_the_rows_between_them(
    tmp_path: Path, rows: str, line: int
) -> None:
    with pytest.raises(
        TextFileError, match=rf"line {line}: .* closed in line \d+, .* looks like"
    ):
        _read(tmp_path, HEADER + rows)


@pytest.mark.parametrize(
    "content",
    [
        'label,text\nx,"5 a\ny,b\nx,6"\ny,c\n',
        'label,text\nx,a\nx,"5 a\nx,b of 6"\n',
        'id,label,text\n1,x,a\n2,y,"b\n3,x,c\n4,y,d"\n5,y,e\n',
        'text,label,note\na,x,b\na,x,"c\nb,x,d\nc,y,e"\nb,y,f\n',
        'text,label\na,x\n"b,y\nc,z\nd,y\ne,z\nf,y\ng",z\n',
    ],
)
def test_stray_quotes_are_seen_wherever_the_label_stands(
    tmp_path: Path, content: str
) -> None:
    with pytest.raises(TextFileError, match="looks like rows"):
        _read(tmp_path, content)


@pytest.mark.parametrize(
    "header, row",
    [
        ("label,text", 'x,"Dear all\nbye"'),
        ("label,text", 'x,"Dear all\nand more, much\nbye"'),
        ("id,label,text", '7,x,"Dear all\nbye"'),
        ("label,id,text", 'x,7,"Dear all\nbye"'),
        ("text,label,note", 'Dear all,x,"one\ntwo"'),
        ("title,text,label", '"Dear\nall",bye,x'),
        ("label;text", 'x;"Dear all\nbye"'),
        ("label,text", '1,"It cost\n1,000 in all"'),
        ("text,label", '"It cost 3,1\nin all",1'),
    ],
)
def test_a_text_of_several_lines_is_read_wherever_the_label_stands(
    tmp_path: Path, header: str, row: str
) -> None:
    # The labels are known from rows of one line, before and after it.
    simple = row.replace("\n", " ")
    rows = _plain(tmp_path, f"{header}\n{simple}\n{row}\n{simple}\n{row}\n")
    assert len(rows) == 4
    assert {label for _, label in rows} <= {"x", "1"}


@pytest.mark.parametrize(
    "content",
    [
        'text,label\nok,maybe\n"a\nb",no\n"not sure, maybe\nlater",no\n',
        'label,text\nyes,ok\nno,"a\nb"\nno,"that is right\nyes, it is"\n',
        'text,label\n"a\nb",no\n"bolt, 2\nnut, 2\npin, 2\nrod, 1\nkey, 1\nend",no\n',
    ],
)
def test_a_line_that_ends_or_begins_with_a_label_is_text_where_texts_have_lines(
    tmp_path: Path, content: str
) -> None:
    assert {label for _, label in _plain(tmp_path, content)} <= {"yes", "no", "maybe"}


@pytest.mark.parametrize(
    "sign, between",
    [(",", 6), (";", 2), ("|", 2)],
    ids=["many lines", "semicolons", "bars"],
)
def test_swallowed_rows_of_texts_and_labels_in_digits_are_no_numbers(
    tmp_path: Path, sign: str, between: int
) -> None:
    rows = [f"text {n}{sign}{n % 2}" for n in range(9)]
    rows[1], rows[2 + between] = (
        f'"{rows[1]}',
        rows[2 + between].replace(sign, f'"{sign}'),
    )
    with pytest.raises(TextFileError, match="line 3: .* looks like rows"):
        _read(tmp_path, "\n".join([f"text{sign}label", *rows]))


def test_two_stray_quotes_are_seen_without_labels_where_many_rows_are_between(
    tmp_path: Path,
) -> None:
    path = _write(tmp_path, 'id,text\n1,a\n2,"b\n' + "3,c\n" * 60 + '4,d"\n5,e\n')
    with pytest.raises(TextFileError, match="line 3: .* looks like rows"):
        list(read_texts(path, "text"))


@pytest.mark.parametrize(
    "rows, expected",
    [
        ('a "b" c,x\n5" pipe,y\n', [('a "b" c', "x"), ('5" pipe', "y")]),
        ('"Dear,\n\nhello, x\nbye",x\n', [("Dear,\n\nhello, x\nbye", "x")]),
        ('"a\r\nb",x\r\nc,y\r\n', [("a\r\nb", "x"), ("c", "y")]),
        ('"say ""hi""",x\n"""b""",y\n', [('say "hi"', "x"), ('"b"', "y")]),
        ('"a" ,x\n"b" , "y"\n"c","x" \n', [("a", "x"), ("b", "y"), ("c", "x")]),
        ('a, "x"\n"b, c", "y"\n', [("a", "x"), ("b, c", "y")]),
        ("a,x,\nb,y,,\n", [("a", "x"), ("b", "y")]),
        ("\n\na,x\n\n  \nb,y\n\n", [("a", "x"), ("b", "y")]),
        ("a,x\nb,y", [("a", "x"), ("b", "y")]),
        ("'a,x\n", [("'a", "x")]),
        ('a,\t"x"\n"b, c", \t"y"\n', [("a", "x"), ("b, c", "y")]),
        ('a,x\nb,"x\n"\nc,x\n', [("a", "x"), ("b", "x\n"), ("c", "x")]),
    ],
    ids=[
        "in the middle of a field",
        "several lines",
        "with carriage returns",
        "doubled",
        "before spaces",
        "after spaces",
        "commas at the end",
        "blank lines",
        "no line end at the end",
        "another kind of quote",
        "after tabs",
        "a line break at the end of a label",
    ],
)
def test_what_is_right_is_read(
    tmp_path: Path, rows: str, expected: list[tuple[str, str]]
) -> None:
    assert _plain(tmp_path, HEADER + rows) == expected


def test_carriage_returns_alone_end_lines(tmp_path: Path) -> None:
    assert _read(tmp_path, "text,label\ra,x\rb,y\r") == [
        Row(2, "a", "x"),
        Row(3, "b", "y"),
    ]


def test_a_row_is_numbered_by_the_line_where_it_begins(tmp_path: Path) -> None:
    rows = _read(tmp_path, HEADER + '"a\nb\nc",x\nd\n"e\nf",y,z\n\ng,x\n')
    assert [(row.number, row.lines, row.problem) for row in rows] == [
        (2, 3, None),
        (5, 1, "wrong_number_of_columns"),
        (6, 2, "wrong_number_of_columns"),
        (9, 1, None),
    ]


def test_a_quote_after_a_space_may_open_a_text_of_several_lines(tmp_path: Path) -> None:
    rows = 'id, text, label\n1, "a\nb, c", "x"\n2, "d", y\n'
    found = _read(tmp_path, rows)
    assert [(row.number, row.text, row.label.strip()) for row in found] == [
        (2, "a\nb, c", "x"),
        (4, "d", "y"),
    ]


def test_a_quote_after_a_comma_in_a_text_takes_no_other_rows(tmp_path: Path) -> None:
    rows = _read(tmp_path, HEADER + 'he said, "no,x\nb,y\nc,x\n')
    assert [row.problem for row in rows] == ["wrong_number_of_columns", None, None]
    last = _read(tmp_path, HEADER + 'b,y\nhe said, "no,x\nc,x')
    assert [row.number for row in last] == [2, 3, 4]


def test_a_text_of_as_many_lines_as_allowed_is_read(tmp_path: Path) -> None:
    text = "\n".join(["line"] * csv_records.MAX_RECORD_LINES)
    assert _plain(tmp_path, f'{HEADER}"{text}",x\n') == [(text, "x")]


@pytest.mark.parametrize(
    "content, sign",
    [
        ('text;label\n"a;b";x\nc, d;y\n', "';'"),
        ("text\tlabel\na;b\tx\nc, d\ty\n", r"'\t'"),
        ("sep=;\ntext;label\na;b,x\n".replace(",", ";").replace("a;b", "a,b"), "';'"),
    ],
    ids=["semicolons", "tabs", "a spreadsheet's first line"],
)
def test_other_separators_are_understood_and_said(
    tmp_path: Path, content: str, sign: str
) -> None:
    notes: list[str] = []
    rows = list(read_rows(_write(tmp_path, content), Columns(), notes.append))
    assert rows[0].label == "x"
    assert rows[0].problem is None
    assert f"found {sign} in its header" in notes[0]


def test_quotes_are_part_of_the_text_in_a_tsv_file_and_that_is_said(
    tmp_path: Path,
) -> None:
    content = 'text\tlabel\n5" pipe\tx\n"quoted"\ty\n"open\tx\n'
    notes: list[str] = []
    path = _write(tmp_path, content, "d.tsv")
    rows = list(read_rows(path, Columns(), notes.append))
    assert [row.text for row in rows] == ['5" pipe', '"quoted"', '"open']
    assert notes == [
        "tabs separate, and quotes are part of the text, as in all .tsv files"
    ]


@pytest.mark.parametrize(
    "header", ['"text","label"', " text , label ", "\ufefftext,label"]
)
def test_a_header_may_be_quoted_padded_or_marked(tmp_path: Path, header: str) -> None:
    assert _plain(tmp_path, f"{header}\na,x\n") == [("a", "x")]


@pytest.mark.parametrize(
    "header",
    [
        '"text";"label"',
        '"";"text";"label"',
        '"text"\t"label"',
        '"text"|"label"',
        '"text" ; "label"',
        '"my id";text;label',
        '"a,b";"text";"label"',
        '\ufeff"text";"label"',
        '\n;;\n"text";"label"',
    ],
)
def test_quoted_names_may_stand_between_other_separators(
    tmp_path: Path, header: str
) -> None:
    sign = next(sign for sign in ";\t|" if sign in header)
    first = ["1"] * (header.count(sign) % 3 == 2)
    rows = [
        sign.join([*first, f'"a{sign} ""b"""', '"x"']),
        sign.join([*first, "c", "y"]),
    ]
    content = "\n".join([header, *rows])
    assert _plain(tmp_path, content) == [(f'a{sign} "b"', "x"), ("c", "y")]


def test_other_quoted_names_between_other_separators_are_listed(tmp_path: Path) -> None:
    with pytest.raises(TextFileError, match="it has 'Satz', 'Klasse'"):
        _read(tmp_path, '"Satz";"Klasse"\n"a";"x"\n')


@pytest.mark.parametrize(
    "content, name, message",
    [
        ("Text,Label\na,x\n", "d.csv", "Did you mean --text-column 'Text'?"),
        ("text,labels\na,x\n", "d.csv", "Did you mean --label-column 'labels'?"),
        ("body;topic\na;x\n", "d.csv", "Found ';' between the names"),
        ("text,label\na,x\n", "d.tsv", "Found ',' where tabs should be"),
        ('"text"\t"label"\n', "d.tsv", "quotes are part of the text. Save it without"),
        ("\n\n", "d.csv", "is empty: it has no header"),
        ('{"text": "a", "label": "b"}\n', "d.csv", "It looks like JSON: one object a"),
        ("text,label,text\n", "d.csv", "names the column 'text' 2 times"),
        ("\x1b[31mred\x07,b\n", "d.csv", r"it has '\x1b[31mred\x07', 'b'"),
    ],
)
def test_a_header_that_does_not_fit_gets_a_hint(
    tmp_path: Path, content: str, name: str, message: str
) -> None:
    with pytest.raises(TextFileError, match=re.escape(message)):
        _read(tmp_path, content, name)


def test_a_nul_byte_and_a_byte_that_is_no_utf_8_cost_their_row_only(
    tmp_path: Path,
) -> None:
    (tmp_path / "d.csv").write_bytes(b"text,label\na\0,x\n\xe9,y\nb,\xe9\nc,x\n")
    rows = list(read_rows(tmp_path / "d.csv", Columns()))
    assert [(row.number, row.problem) for row in rows] == [
        (2, "nul_byte"),
        (3, "invalid_utf8"),
        (4, "invalid_utf8"),
        (5, None),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "again", ["id,text,label", '\ufeff"id","text","label"', " id , text ,label"]
)
def test_a_header_in_the_middle_is_no_row(tmp_path: Path, again: str, end: str) -> None:
    content = end.join(["id,text,label", "1,a,x", again, "2,b,y", ""])
    for rows in (
        read_rows(_write(tmp_path, content), Columns()),
        read_texts(_write(tmp_path, content), "text"),
    ):
        assert [(row.text, row.problem) for row in rows] == [
            ("a", None),
            ("", "header_row_again"),
            ("b", None),
        ]


@pytest.mark.parametrize("again", ["text,id,label", '\ufeff"label","text","id"'])
def test_a_header_in_another_order_is_refused_with_its_line(
    tmp_path: Path, again: str
) -> None:
    message = "d.csv:3 names the columns again, the other way round: '"
    content = f"id,text,label\n1,a,x\n{again}\nb,2,y\n"
    with pytest.raises(TextFileError, match=message):
        _read(tmp_path, content)
    with pytest.raises(TextFileError, match=message):
        list(read_texts(_write(tmp_path, content), "text"))


def test_a_name_of_a_column_may_be_a_text_or_a_label(tmp_path: Path) -> None:
    assert _plain(tmp_path, "id,text,label\n1,text,x\n2,id,text\n") == [
        ("text", "x"),
        ("id", "text"),
    ]
    rows = read_texts(_write(tmp_path, "text\ntext\n"), "text")
    assert [row.text for row in rows] == ["text"]
