"""`python -m benchmarks.load` against a real server with a fake model."""

import json
import pathlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks.load import meters
from benchmarks.load.__main__ import main
from benchmarks.load.payloads import read_texts
from tests.support.serving.fakes import FakeServer

QUICK = ("--duration", "0.3", "--warm-up", "0.1", "--deadline", "5")


@pytest.fixture
def texts(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "texts.csv"
    path.write_text('text,label\n"broken, again",a\nwhere is it?,b\n 🚲 geht nicht,c\n')
    return path


def load(
    capsys: pytest.CaptureFixture[str], endpoint: str, texts: pathlib.Path, *more: str
) -> tuple[int, dict[str, Any]]:
    arguments = ["--endpoint", endpoint, "--texts", str(texts), "--json", *QUICK, *more]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0), json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("way", [("--clients", "4"), ("--rate", "200")])
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_every_answer_of_a_good_server_counts_and_is_right(
    transport: str,
    way: tuple[str, str],
    fake_server: FakeServer,
    texts: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    rest = transport == "rest"
    endpoint = fake_server.rest_endpoint if rest else fake_server.grpc_endpoint
    # All are due long before the load is over, so that a busy machine sends them, too.
    options = (*way, "--max-requests", "60", "--warm-up", "0", "--duration", "1.5")
    options += ("--deadline", "30", "--check-every", "1", "--texts-per-request", "2")
    status, result = load(
        capsys, endpoint, texts, *options, *(["--rest"] if rest else [])
    )
    assert (status, result["errors"]) == (0, {})
    assert result["answered"] == 60
    assert result["checked"] >= result["answered"]
    assert result["texts_per_s"] == 2 * result["requests_per_s"]


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        (("--model-name", "other"), "NOT_FOUND"),
        (("--rest", "--model-name", "other"), "HTTP 404"),
        (("--signature-name", "fail"), "INVALID_ARGUMENT"),
    ],
)
def test_errors_are_named_and_end_in_a_status(
    more: tuple[str, ...],
    kind: str,
    fake_server: FakeServer,
    texts: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    rest = "--rest" in more
    endpoint = fake_server.rest_endpoint if rest else fake_server.grpc_endpoint
    status, result = load(capsys, endpoint, texts, "--clients", "1", *more)
    assert status == 1
    assert list(result["errors"]) == [kind]
    assert result["error_examples"][kind]


def test_a_load_that_could_not_be_sent_ends_in_a_status(
    fake_server: FakeServer, texts: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    options = ("--rest", "--rate", "50000", "--max-in-flight", "1", "--warm-up", "0")
    status, result = load(capsys, fake_server.rest_endpoint, texts, *options)
    assert (status, result["errors"]) == (1, {})
    assert result["answered"] > 0
    assert result["not_sent"] > 0


def _serve(listener: socket.socket, answer: bytes) -> None:
    """Sends `answer` to whatever comes, then hangs up."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("localhost", 0)) as bound:
        yield bound
        bound.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b"", "connection closed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", "connection closed"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno", "HTTP 503"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "wrong answer"),
    ],
)
def test_a_bad_rest_server_is_no_riddle(
    answer: bytes,
    kind: str,
    listener: socket.socket,
    texts: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    server = threading.Thread(target=_serve, args=(listener, answer), daemon=True)
    server.start()
    options = ("--rest", "--clients", "1", "--check-every", "1")
    endpoint = f"localhost:{listener.getsockname()[1]}"
    status, result = load(capsys, endpoint, texts, *options)
    assert status == 1
    assert list(result["errors"]) == [kind]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_silent_server_holds_nobody_longer_than_the_deadline(
    transport: str,
    listener: socket.socket,
    texts: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    more = ["--clients", "2", "--deadline", "0.2"]
    if transport == "rest":
        more.append("--rest")
    endpoint = f"localhost:{listener.getsockname()[1]}"
    _, result = load(capsys, endpoint, texts, *more)
    assert set(result["errors"]) <= {"DEADLINE_EXCEEDED", "no answer in time"}
    assert result["errors"]
    assert result["answered"] == 0


def test_nobody_there_is_an_error_not_a_crash(
    texts: pathlib.Path, capsys: pytest.CaptureFixture[str]
):
    with socket.create_server(("localhost", 0)) as taken:
        endpoint = f"localhost:{taken.getsockname()[1]}"
    _, grpc = load(capsys, endpoint, texts, "--clients", "1")
    _, rest = load(capsys, endpoint, texts, "--clients", "1", "--rest")
    assert list(grpc["errors"]) == ["UNAVAILABLE"]
    assert list(rest["errors"]) == ["not connected"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--clients", "0"], "clients is 0"),
        (["--clients", "1", "--text-column", "body"], "no column 'body'"),
        (["--clients", "1", "--texts", "nowhere.txt"], "nowhere.txt"),
        (["--clients", "1", "--rate", "1"], "not allowed with"),
    ],
)
def test_wrong_options_are_explained(
    more: list[str],
    words: str,
    texts: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
):
    with pytest.raises(SystemExit, match="2"):
        main(["--endpoint", "localhost:1", "--texts", str(texts), *more])
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'label,text\nx,"one\ntwo"\ny,\nz,three\n'),
        ("a.jsonl", '{"text": "one\\ntwo"}\n\n{"text": "three"}\n'),
        ("a.txt", "one two\n\nthree"),
    ],
)
def test_texts_come_from_tables_and_lines(
    name: str, content: str, tmp_path: pathlib.Path
):
    path = tmp_path / name
    path.write_text(content)
    assert [text.split() for text in read_texts(path)] == [["one", "two"], ["three"]]


def test_batch_sizes_are_those_between_two_looks():
    name = ":tensorflow:serving:batching_session:processed_batch_size"
    page = (
        f"# TYPE {name} histogram\n"
        '{n}_bucket{{le="2"}} {a}\n{n}_bucket{{le="4"}} {b}\n'
        '{n}_bucket{{le="+Inf"}} {b}\n{n}_sum{{}} {s}\n{n}_count{{}} {b}\n'
        ":tensorflow:serving:batching_session:input_batch_size_sum{{}} 99\n"
    )
    before = meters.parse_batch_sizes(page.format(n=name, a=1, b=1, s=1))
    after = meters.parse_batch_sizes(page.format(n=name, a=3, b=11, s=33))
    assert meters.mean_between(before, after) == 3.2
    assert meters.counts_between(before, after) == {"2": 2, "4": 8}


def test_a_server_without_metrics_has_no_batch_sizes(fake_server: FakeServer):
    url = f"http://{fake_server.rest_endpoint}/nothing/here"
    assert meters.read_batch_sizes(url) is None
    assert meters.parse_batch_sizes("# no histogram\n") is None
    assert meters.mean_between(None, None) is None


def test_processor_time_includes_children_living_and_ended():
    # By its own count, so that no machine is too fast for it.
    burn = "import time\nwhile time.process_time() < 0.3: pass\n"
    code = (
        "import subprocess, sys; burn = [sys.executable, '-c', sys.argv[1]];"
        "subprocess.run(burn); child = subprocess.Popen([*burn[:2], burn[2] +"
        "'print(1, flush=True);time.sleep(60)'], stdout=-1);"
        "child.stdout.readline(); print('ready', flush=True); sys.stdin.read();"
        "child.kill()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, burn], **pipes) as parent:
        assert parent.stdout.readline() == b"ready\n"
        seconds = meters.tree_seconds(parent.pid)
        parent.stdin.close()
    assert seconds > 0.55
    assert meters.tree_seconds(parent.pid) is None


def test_the_generator_needs_no_tensorflow():
    code = (
        "import sys, benchmarks.load.__main__, benchmarks.load.grpc_sender,"
        "benchmarks.load.rest_sender; heavy = {'tensorflow', 'httpx', 'uvloop'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
