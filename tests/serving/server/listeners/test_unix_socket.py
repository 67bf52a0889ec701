"""A Unix socket that one server takes over from another."""

import contextlib
import os
import pathlib
import socket
from collections.abc import Callable, Iterator
from concurrent import futures

import grpc
import pytest

from serving.server.listeners.ports import PortError
from serving.server.listeners.unix_socket import UnixSocketFile


@pytest.fixture
def listening() -> Iterator[Callable[[UnixSocketFile], grpc.Server]]:
    """Starts gRPC servers without services behind such files."""
    made: list[grpc.Server] = []

    def listen(file: UnixSocketFile) -> grpc.Server:
        server = grpc.server(futures.ThreadPoolExecutor(1))
        made.append(server)
        server.add_insecure_port(file.choose_address())
        server.start()
        file.publish()
        return server

    yield listen
    for server in made:
        server.stop(None).wait()


Listen = Callable[[UnixSocketFile], grpc.Server]


def _connects(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=1)
        except grpc.FutureTimeoutError:
            return False
        return True


@pytest.mark.parametrize("name", ["s", "a socket", "100%41", "ü", "s" * 20])
def test_clients_find_the_server_and_nothing_else_is_there(
    listening: Listen, tmp_path: pathlib.Path, name: str
) -> None:
    file = UnixSocketFile(str(tmp_path / name))
    listening(file)
    assert [each.name for each in tmp_path.iterdir()] == [name]
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / name))
    file.remove()
    file.remove()
    assert not list(tmp_path.iterdir())


def test_the_longest_path_works(listening: Listen, tmp_path: pathlib.Path) -> None:
    folder = tmp_path / ("d" * (107 - len(str(tmp_path)) - 3))
    folder.mkdir()
    path = folder / "s"
    assert len(str(path)) == 107
    listening(UnixSocketFile(str(path)))
    assert _connects(f"unix:{path}")


def test_a_relative_path_works(
    listening: Listen, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    listening(UnixSocketFile("s"))
    assert _connects("unix:s")


def test_a_socket_left_by_a_dead_server_is_replaced(
    listening: Listen, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listening(UnixSocketFile(str(path)))
    assert _connects(f"unix:{path}")


def test_a_socket_is_taken_over_from_a_server_that_runs(
    listening: Listen, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "s"
    old, new = (UnixSocketFile(str(path)) for _ in range(2))
    first = listening(old)
    listening(new)
    assert "over from a server that runs" in caplog.text
    first.stop(None).wait()
    old.remove()
    assert _connects(f"unix:{path}")
    new.remove()
    assert not path.exists()


def test_the_old_server_may_end_before_the_new_one_comes(
    listening: Listen, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    old, new = (UnixSocketFile(str(path)) for _ in range(2))
    listening(old).stop(None).wait()
    old.remove()
    listening(new)
    old.remove()
    assert _connects(f"unix:{path}")


def test_a_link_to_a_socket_is_replaced_and_its_target_is_left(
    listening: Listen, tmp_path: pathlib.Path
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "other"))
    (tmp_path / "s").symlink_to("other")
    listening(UnixSocketFile(str(tmp_path / "s")))
    assert not (tmp_path / "s").is_symlink()
    assert (tmp_path / "other").is_socket()


def test_what_is_no_socket_is_named_and_stays(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("data")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    kinds = {
        "file": "a file",
        "folder": "a directory",
        "pipe": "something else than a socket",
        "link": "a link to something else than a socket",
    }
    for name, kind in kinds.items():
        with pytest.raises(PortError, match=f"there is {kind}, which stays untouched"):
            UnixSocketFile(str(tmp_path / name)).check()
    assert (tmp_path / "file").read_text() == "data"


def test_what_comes_while_the_models_load_is_not_lost_either(
    tmp_path: pathlib.Path,
) -> None:
    path = tmp_path / "s"
    file = UnixSocketFile(str(path))
    address = file.choose_address().removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(address)
        path.write_text("data")
        with pytest.raises(PortError, match="there is a file"):
            file.publish()
    assert path.read_text() == "data"
    assert [each.name for each in tmp_path.iterdir()] == ["s"]


@pytest.mark.parametrize(
    "name, cause",
    [
        ("no/such/s", "its directory does not exist"),
        ("s" * 120, "bytes, more than the 107"),
        ("ü" * 50, "bytes, more than the 107"),
    ],
)
def test_an_impossible_path_is_explained(
    tmp_path: pathlib.Path, name: str, cause: str
) -> None:
    with pytest.raises(PortError, match=cause):
        UnixSocketFile(str(tmp_path / name)).check()


def test_the_socket_has_the_mode_it_is_given(
    listening: Listen, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "s"
    listening(UnixSocketFile(str(path), "660"))
    assert path.stat().st_mode & 0o777 == 0o660


def test_at_no_moment_a_client_finds_no_server(
    listening: Listen, tmp_path: pathlib.Path
) -> None:
    path = str(tmp_path / "s")
    listening(UnixSocketFile(path))
    with futures.ThreadPoolExecutor(1) as pool:
        stop = False

        def ask() -> int:
            count = 0
            while not stop:
                with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
                    client.connect(path)
                    count += 1
            return count

        asked = pool.submit(ask)
        for _ in range(20):
            listening(UnixSocketFile(path))
        stop = True
        assert asked.result() > 0
