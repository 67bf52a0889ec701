"""Many swaps in a row: nobody meets a gap, and nothing stays behind."""

import gc
import pathlib
import threading
import tracemalloc

import pytest

from serving.server.manager import Pools
from serving.server.thread_pool import ThreadPool
from tests.serving.model_world import World

LIMIT_S = 10


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


def test_requests_from_threads_meet_no_gap_in_many_swaps(
    tmp_path: pathlib.Path,
) -> None:
    world = World(tmp_path, Pools(ThreadPool("load", 2), ThreadPool("unload", 2)))
    world.serve(world.entry())
    world.push(1)
    assert world.manager.wait_settled(LIMIT_S)
    stop, seen, failed = threading.Event(), set[int](), list[Exception]()

    def ask() -> None:
        while not stop.is_set():
            try:
                seen.add(world.served())
            except Exception as error:  # noqa: BLE001  the test reports it
                failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(2, 32):
        world.push(version)
        assert world.manager.wait_settled(LIMIT_S)
    stop.set()
    for thread in threads:
        thread.join(LIMIT_S)
    assert not failed
    assert len(seen) > 5


def test_a_thousand_swaps_leave_no_model_and_no_memory_behind(world: World) -> None:
    # Folders are not under test: the listing is.
    model = world.manager._lifecycle.models["m"]

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
