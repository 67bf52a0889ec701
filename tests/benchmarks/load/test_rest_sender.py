"""HTTP/1.1 answers as they may come, in one piece or in many."""

import pytest

from benchmarks.load.rest_sender import parse_answer

BODY = b'{"predictions": [1]}'
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\nserver: x\r\n\r\n" + BODY
CHUNKS = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'f;note=1\r\n{"predictions":\r\n5\r\n [1]}\r\n0\r\n\r\n'
)
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 20\r\n\r\n" + BODY
EMPTY = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (LENGTH, (200, BODY, True)),
        (CHUNKS, (200, BODY, True)),
        (LAST, (200, BODY, False)),
        (EMPTY, (404, b"", True)),
    ],
)
def test_an_answer_is_whole_only_with_its_last_byte(
    data: bytes, expected: tuple[int, bytes, bool]
):
    assert parse_answer(data) == expected
    assert all(parse_answer(data[:size]) is None for size in range(len(data)))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "begins with b'SSH"),
        (b"HTTP/1.0 200 OK\r\n\r\n", "begins with b'HTTP/1.0"),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\nuntil the end", "neither"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "many"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "zz"),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, words: str):
    with pytest.raises(ValueError, match=words):
        parse_answer(data)
