"""Many swaps in a row: nobody meets a gap, and nothing stays behind."""

import gc
import pathlib
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any, Self

import pytest

from serving.client import protos
from serving.server.models.swapping import Pools
from serving.server.models.thread_pool import ThreadPool
from tests.support.patience import LONG_S, wait_until
from tests.support.serving.server.model_world import World, wait_settled


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    world = World(tmp_path)
    world.serve(world.entry())
    return world


def test_history_is_bounded_and_newest_first(world: World) -> None:
    world.push(1)
    for version in range(2, 122):
        world.push(version)
        world.delete(version - 1)
    listed = [v.number for v in world.manager.versions("m")]
    assert listed == list(range(121, 20, -1))


def test_a_version_that_has_ended_keeps_no_model_alive(world: World) -> None:
    """Not even through the traceback of an error."""
    world.broken.add(("m", 1))
    world.push(1)
    (version,) = world.manager.versions("m")
    assert version.error is not None
    assert version.error.__traceback__ is None


class Crowd:
    """Threads that do something again and again; a context manager."""

    def __init__(self, *tasks: Callable[[], object]) -> None:
        self.errors: list[Exception] = []
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(task,)) for task in tasks
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(LONG_S)

    def _repeat(self, task: Callable[[], object]) -> None:
        while not self._stop.is_set():
            try:
                task()
            except Exception as error:  # noqa: BLE001  the test reports it
                self.errors.append(error)


@pytest.fixture
def threaded(tmp_path: pathlib.Path) -> World:
    world = World(tmp_path, Pools(ThreadPool("load", 2), ThreadPool("unload", 2)))
    world.serve(world.entry())
    world.push(1)
    assert wait_settled(world.manager, LONG_S)
    return world


def test_requests_from_threads_meet_no_gap_in_many_swaps(threaded: World) -> None:
    seen: set[int] = set()
    with Crowd(*[lambda: seen.add(threaded.served())] * 2) as crowd:
        for version in range(2, 32):
            threaded.push(version)
            assert wait_settled(threaded.manager, LONG_S)
            wait_until(lambda number=version: number in seen, "a request")
    assert not crowd.errors


def test_reloads_among_polls_and_swaps_disturb_no_request(threaded: World) -> None:
    """A second model comes and goes by reload; the first is polled and swapped."""
    (threaded.root / "x" / "1").mkdir(parents=True)
    manager = threaded.manager
    with Crowd(threaded.served, manager.reconcile) as crowd:
        for version in range(2, 22):
            (threaded.root / "m" / str(version)).mkdir()
            manager.reload(_config(threaded, "m", "x"), LONG_S)
            assert threaded.served(name="x") == 1
            manager.reload(_config(threaded, "m"), LONG_S)
            assert "x" not in manager.entries
    manager.reconcile()
    assert wait_settled(manager, LONG_S)
    assert not crowd.errors
    assert threaded.served() == 21
    alive = [one for ref in threaded.servables if (one := ref()) and not one.is_closed]
    assert len(alive) == 1


def _config(world: World, *names: str) -> Any:
    config = protos.ModelServerConfig()
    for name in names:
        config.model_config_list.config.add(
            name=name, base_path=str(world.root / name), model_platform="tensorflow"
        )
    return config


def test_a_thousand_swaps_leave_no_model_and_no_memory_behind(world: World) -> None:
    # Folders are not under test: the listing is.
    model = world.manager.lifecycle.models["m"]

    def swap_to(version: int) -> None:
        model.found = {version: "/nowhere"}
        world.manager.reconcile(list_files=False)
        world.events.clear()
        world.loads.clear()

    for version in range(300):
        swap_to(version)
    world.servables.clear()
    gc.collect()
    tracemalloc.start()
    swap_to(300)
    before = tracemalloc.take_snapshot()
    for version in range(301, 1300):
        swap_to(version)
    alive = [one for one in world.servables if one() is not None]
    world.servables.clear()
    gc.collect()
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    grown = sum(d.size_diff for d in after.compare_to(before, "filename"))
    assert len(alive) == 1
    assert grown < 100_000, f"grew by {grown} bytes"
