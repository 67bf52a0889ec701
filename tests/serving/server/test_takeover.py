"""A rolling restart on one machine: a new server takes over the old one's socket."""

import pathlib
import threading
from collections.abc import Iterator
from typing import Self

import pytest

from serving.client import Client
from tests.support.patience import wait_until
from tests.support.serving.fakes import FakeServer


class Asker:
    """A client that tries again, and asks without a pause in a thread of its own."""

    def __init__(self, path: pathlib.Path) -> None:
        self.answers = 0
        self._is_over = threading.Event()
        self._failures: list[Exception] = []
        self._client = Client(f"unix:{path}", retries=20, deadline_s=30)
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_for_more()
        return self

    def wait_for_more(self, count: int = 20) -> None:
        """Returns after so many answers more."""
        goal = self.answers + count
        wait_until(lambda: self.answers >= goal or self._failures, "an answer")
        assert not self._failures

    def __exit__(self, *exc_info: object) -> None:
        self._is_over.set()
        self._thread.join()
        self._client.close()
        assert not self._failures

    def _ask(self) -> None:
        while not self._is_over.is_set() and not self._failures:
            try:
                self._client.classify(["still there?"])
            except Exception as error:  # noqa: BLE001  the test's thread shows it
                self._failures.append(error)
            self.answers += 1


@pytest.fixture
def servers(tmp_path: pathlib.Path) -> Iterator[list[FakeServer]]:
    """Two servers for one socket, to be started by the test, stopped in the end."""
    path = str(tmp_path / "s")
    made = [
        FakeServer(tmp_path / name, grpc_socket_path=path, port=0)
        for name in ("old", "new")
    ]
    yield made
    for server in made:
        server.stop()
    assert not (tmp_path / "s").exists()


def test_a_new_server_takes_the_socket_and_the_old_one_leaves_it(
    tmp_path: pathlib.Path, servers: list[FakeServer]
) -> None:
    old, new = servers
    old.__enter__()
    with Asker(tmp_path / "s") as asker:
        new.__enter__()
        asker.wait_for_more()
        old.stop()
        asker.wait_for_more()
    assert (tmp_path / "s").is_socket()


def test_a_new_server_takes_the_socket_of_one_that_drains(
    tmp_path: pathlib.Path, servers: list[FakeServer]
) -> None:
    old, new = servers
    old.__enter__()
    with Asker(tmp_path / "s") as asker:
        draining = threading.Thread(target=old.stop)
        draining.start()
        new.__enter__()
        draining.join()
        asker.wait_for_more()
    assert (tmp_path / "s").is_socket()


def test_a_new_server_that_comes_after_the_end_is_found(
    tmp_path: pathlib.Path, servers: list[FakeServer]
) -> None:
    old, new = servers
    old.__enter__()
    with Asker(tmp_path / "s") as asker:
        old.stop()
        new.__enter__()
        asker.wait_for_more()
    assert (tmp_path / "s").is_socket()
