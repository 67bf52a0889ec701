"""Loads and unloads in the background: what waits for what, and what never does."""

import pathlib
import threading

import pytest

from serving.server.flags import ServerFlags
from serving.server.models.config import ModelEntry, VersionPolicy
from serving.server.models.manager import ModelManager
from serving.server.models.swapping import Pools
from serving.server.models.version import ServedVersion, State
from serving.server.servable import WarmupReport
from serving.server.status import StatusError
from tests.support.patience import LONG_S
from tests.support.serving.server.model_world import (
    InlinePool,
    ManualPool,
    TinyServable,
    World,
    wait_settled,
)


@pytest.fixture
def loads() -> ManualPool:
    return ManualPool()


@pytest.fixture
def unloads() -> ManualPool:
    return ManualPool()


@pytest.fixture
def world(tmp_path: pathlib.Path, loads: ManualPool, unloads: ManualPool) -> World:
    world = World(tmp_path, Pools(loads, unloads))
    world.serve(world.entry())
    return world


def test_a_slow_load_delays_no_other_model(world: World, loads: ManualPool) -> None:
    world.push(1)
    world.serve(world.entry(), world.entry("quick"))
    world.push(1, name="quick")
    loads.run(1)
    assert world.served(name="quick") == 1
    assert world.manager.unready_models() == ["m"]


def test_one_model_loads_one_version_at_a_time(world: World, loads: ManualPool) -> None:
    world.serve(world.entry(policy=VersionPolicy(latest=None)))
    world.push(1, 2)
    assert len(loads.jobs) == 1
    loads.run()
    assert world.served() == 2
    assert len(loads.jobs) == 1


def test_a_version_that_is_deleted_before_its_turn_is_not_loaded(
    world: World, loads: ManualPool
) -> None:
    world.push(1)
    world.delete(1)
    loads.run_all()
    assert not world.loads
    assert world.states() == {1: "END"}


def test_a_load_that_ends_after_its_version_was_deleted_is_thrown_away(
    world: World, loads: ManualPool, unloads: ManualPool
) -> None:
    world.push(1)
    world.during_load = lambda: world.delete(1)
    loads.run()
    with pytest.raises(StatusError):
        world.served()
    unloads.run_all()
    assert world.states() == {1: "END"}
    assert ("m", 1, "AVAILABLE") not in world.events


def test_a_version_overtaken_while_it_loads_serves_until_the_newer_one_is_there(
    world: World, loads: ManualPool
) -> None:
    """Or a model that is pushed more often than it loads would never be served."""
    world.push(1)
    world.during_load = lambda: world.push(2)
    loads.run()
    world.during_load = lambda: None
    assert world.served() == 1
    loads.run()
    assert world.served() == 2


def test_memory_is_given_back_only_after_the_last_request(
    world: World, loads: ManualPool, unloads: ManualPool
) -> None:
    world.push(1)
    loads.run_all()
    first, second = world.manager.lease("m"), world.manager.lease("m")
    world.delete(1)
    first.release()
    assert not unloads.jobs
    second.release()
    unloads.run_all()
    assert first.state is State.END


def test_a_version_counts_as_unloading_until_its_memory_is_back(
    world: World, loads: ManualPool, unloads: ManualPool
) -> None:
    world.push(1)
    loads.run_all()
    world.delete(1)
    assert world.states() == {1: "UNLOADING"}
    unloads.run_all()
    assert world.states() == {1: "END"}


def test_close_waits_for_running_requests_up_to_the_limit(
    tmp_path: pathlib.Path,
) -> None:
    world = World(tmp_path)
    world.serve(world.entry())
    world.push(1)
    with world.manager.lease("m") as version:
        world.manager.lifecycle.close(limit_s=0.01)
        assert not version.servable.is_closed  # type: ignore[attr-defined]
        assert version.state is State.UNLOADING
    assert version.state is State.END


def test_nothing_is_loaded_once_the_manager_is_closed(
    world: World, loads: ManualPool, unloads: ManualPool
) -> None:
    world.push(1)
    world.manager.lifecycle.close(limit_s=0)
    loads.run_all()
    world.manager.reconcile()
    assert not world.loads
    assert not loads.jobs


def test_a_load_that_ends_after_the_manager_was_closed_is_thrown_away(
    world: World, loads: ManualPool, unloads: ManualPool
) -> None:
    world.push(1)
    world.during_load = lambda: world.manager.lifecycle.close(0)
    loads.run()
    unloads.run_all()
    assert [state for _, _, state in world.events] == [
        *("START", "LOADING", "UNLOADING", "END")
    ]


def test_what_answers_goes_on_when_loading_stops(
    world: World, loads: ManualPool
) -> None:
    world.push(1)
    loads.run_all()
    world.push(2)
    world.manager.lifecycle.stop_loading()
    loads.run_all()
    assert [number for _, number in world.loads] == [1]
    with world.manager.lease("m") as version:
        assert version.number == 1


def test_an_available_version_says_how_it_was_loaded(
    world: World, loads: ManualPool
) -> None:
    def take_time() -> None:
        world.now_s += 7

    world.during_load = take_time
    world.push(1)
    loads.run()
    with world.manager.lease("m") as version:
        assert (version.load_s, version.warmup) == (7, WarmupReport(3, "file"))


def test_hanging_loads_leave_threads_for_the_others(tmp_path: pathlib.Path) -> None:
    """Real threads: one model of two never finishes loading."""
    release = threading.Event()

    def load(entry: ModelEntry, version: ServedVersion) -> TinyServable:
        if entry.name == "slow":
            release.wait(LONG_S)
        return TinyServable()

    manager = ModelManager(load, ServerFlags(num_load_threads=2))
    for name in ("slow", "m"):
        (tmp_path / name / "1").mkdir(parents=True)
    entries = [ModelEntry(name=n, base_path=str(tmp_path / n)) for n in ("slow", "m")]
    arrived = threading.Event()
    manager.events.on_state_change(
        lambda version, state: (
            arrived.set()
            if (version.model_name, state) == ("m", State.AVAILABLE)
            else None
        )
    )
    manager.configure(entries)
    manager.reconcile()
    assert arrived.wait(LONG_S)
    assert manager.unready_models() == ["slow"]
    release.set()
    assert wait_settled(manager, LONG_S)
    assert not manager.unready_models()


def test_unloads_run_apart_from_loads(tmp_path: pathlib.Path) -> None:
    loads = ManualPool()
    world = World(tmp_path, Pools(loads, InlinePool()))
    world.serve(world.entry())
    world.push(1)
    loads.run_all()
    world.serve(world.entry(), world.entry("slow"))
    world.push(1, name="slow")
    world.delete(1)
    assert world.states() == {1: "END"}
