"""Versions come, are swapped and go, and requests never notice."""

import logging
import pathlib

import pytest

from serving.server.models.config import ModelEntry, VersionPolicy
from serving.server.models.version import State
from serving.server.status import Code, StatusError
from tests.support.serving.server.model_world import World, is_settled

SEVERAL = VersionPolicy(latest=None)


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    world = World(tmp_path)
    world.serve(world.entry())
    return world


def test_the_latest_version_is_served(world: World) -> None:
    world.push(1, 3, 2)
    assert world.served() == 3
    assert world.states() == {3: "AVAILABLE"}


def test_a_new_version_replaces_the_old_one(world: World) -> None:
    world.push(1)
    world.push(2)
    assert world.served() == 2
    assert world.states() == {2: "AVAILABLE", 1: "END"}


def test_a_request_keeps_its_version_through_a_swap(world: World) -> None:
    world.push(1)
    with world.manager.lease("m") as version:
        world.push(2)
        assert version.state is State.UNLOADING
        assert not version.servable.is_closed  # type: ignore[attr-defined]
    assert world.states() == {2: "AVAILABLE", 1: "END"}


def test_a_broken_version_leaves_the_old_one_serving(world: World) -> None:
    world.push(1)
    world.broken.add(("m", 2))
    world.push(2)
    assert world.served() == 1
    newest = world.manager.versions("m")[0]
    assert newest.status == (Code.NOT_FOUND, "saved_model.pb is missing")


def test_a_failing_load_is_repeated_and_then_given_up(world: World) -> None:
    world.broken.add(("m", 1))
    world.push(1)
    for _ in range(5):
        world.manager.reconcile()  # not due yet
        world.pass_s(60)
    assert world.loads == [("m", 1)] * 3
    assert world.states() == {1: "END"}
    assert world.manager.wait_for_start(0.0).failures.keys() == {"m"}


def test_a_model_that_will_be_tried_again_has_not_failed_yet(world: World) -> None:
    world.broken.add(("m", 1))
    world.push(1)
    assert not world.manager.wait_for_start(0.0).failures
    assert not is_settled(world.manager)


def test_a_load_that_heals_is_served(world: World) -> None:
    world.broken.add(("m", 1))
    world.push(1)
    world.broken.clear()
    world.pass_s(60)
    assert world.served() == 1
    assert world.manager.versions("m")[0].status == (Code.OK, "")


def test_deleted_directories_unload_the_model(world: World) -> None:
    world.push(1)
    world.delete(1)
    assert world.states() == {1: "END"}
    assert world.manager.unready_models() == ["m"]
    with pytest.raises(StatusError) as caught:
        world.served()
    assert str(caught.value) == ("NOT_FOUND: Servable not found for request: Latest(m)")


def test_a_version_that_comes_back_is_loaded_again(world: World) -> None:
    world.push(1)
    world.delete(1)
    world.push(1)
    assert world.served() == 1
    assert world.loads == [("m", 1)] * 2


def test_a_version_that_comes_back_while_it_unloads_is_loaded_again(
    world: World,
) -> None:
    world.push(1)
    with world.manager.lease("m"):
        world.delete(1)
        world.push(1)
        assert world.states() == {1: "UNLOADING"}
    assert world.states() == {1: "AVAILABLE"}


def test_an_unreadable_base_path_changes_nothing(world: World) -> None:
    world.push(1)
    (world.root / "m").rename(world.root / "away")
    world.manager.reconcile()
    assert world.served() == 1


def test_one_bad_base_path_does_not_stop_the_others(world: World) -> None:
    world.push(1)
    world.serve(ModelEntry(name="a", base_path="/nowhere"), world.entry())
    assert world.served() == 1
    assert world.manager.unready_models() == ["a"]


def test_a_dropped_model_is_unloaded_and_keeps_its_history(world: World) -> None:
    removed: list[str] = []
    world.manager.events.on_model_removed(removed.append)
    world.push(1)
    world.serve()
    assert world.states() == {1: "END"}
    assert removed == ["m"]
    with pytest.raises(StatusError, match=r"request: Latest\(m\)$"):
        world.served()


def test_a_dropped_model_answers_no_more_as_soon_as_it_is_dropped(
    world: World,
) -> None:
    world.push(1)
    world.manager.configure([])
    with pytest.raises(StatusError, match="^NOT_FOUND"):
        world.served()


def test_a_dropped_model_can_come_back(world: World) -> None:
    world.push(1)
    world.serve()
    world.serve(world.entry())
    assert world.served() == 1


def test_a_policy_serves_several_versions_and_loads_the_newest_first(
    world: World,
) -> None:
    world.serve(world.entry(policy=SEVERAL))
    world.push(1, 2)
    assert world.loads == [("m", 2), ("m", 1)]
    assert (world.served(), world.served(1)) == (2, 1)


def test_of_several_wanted_versions_a_broken_one_stops_no_other(world: World) -> None:
    world.broken.add(("m", 2))
    world.serve(world.entry(policy=SEVERAL))
    world.push(1, 2, 3)
    assert (world.served(), world.served(1)) == (3, 1)


def test_specific_versions_roll_back_without_a_gap(world: World) -> None:
    world.push(1, 2)
    with world.manager.lease("m"):
        world.serve(world.entry(policy=VersionPolicy(specific=(1,))))
        assert world.served() == 1
    assert world.states() == {2: "END", 1: "AVAILABLE"}


def test_a_roll_back_to_a_version_that_still_unloads_leaves_no_gap(
    world: World,
) -> None:
    world.push(1)
    with world.manager.lease("m"):
        world.push(2)
        world.delete(2)
        assert world.states() == {2: "AVAILABLE", 1: "UNLOADING"}
        assert not is_settled(world.manager)
        assert world.served() == 2
    assert world.states() == {2: "END", 1: "AVAILABLE"}


def test_an_unknown_specific_version_is_a_warning_only(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.serve(world.entry(policy=VersionPolicy(specific=(1, 7))))
    world.push(1)
    assert world.served() == 1
    assert "Version 7 of servable m, which was requested" in caplog.text


def test_of_versions_that_replace_each_other_too_fast_one_is_kept(
    world: World,
) -> None:
    """None of the wanted ones loads, so the newest that did goes on serving."""
    world.serve(world.entry(policy=SEVERAL))
    world.push(1, 2)
    world.broken.add(("m", 3))
    world.push(3)
    world.serve(world.entry())
    assert world.states() == {3: "LOADING", 2: "AVAILABLE", 1: "END"}


def test_a_model_that_still_loads_is_unavailable_not_missing(world: World) -> None:
    world.broken.add(("m", 1))
    world.push(1)
    world.manager.configure([world.entry(), world.entry("unlisted")])
    for name in ("unlisted", "m"):
        with pytest.raises(StatusError, match=f"^UNAVAIL.*Latest\\({name}\\)\\. "):
            world.served(name=name)


def test_an_unknown_model_has_upstream_s_words_exactly(world: World) -> None:
    for version, wanted in ((None, "Latest(x)"), (7, "Specific(x, 7)")):
        with pytest.raises(StatusError) as caught, world.manager.lease("x", version):
            pass
        assert caught.value.code is Code.NOT_FOUND
        assert caught.value.message == f"Servable not found for request: {wanted}"


@pytest.mark.parametrize(
    "name, version, words",
    [
        ("x", None, "Could not find any versions of model x"),
        ("m", 7, "Could not find version 7 of model m"),
    ],
)
def test_status_of_what_never_was_is_not_found(
    world: World, name: str, version: int | None, words: str
) -> None:
    world.push(1)
    with pytest.raises(StatusError, match=words):
        world.manager.versions(name, version)


def test_unload_before_load_frees_memory_first(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, unload_before_load=True)
    world.serve(world.entry())
    world.push(1)
    with world.manager.lease("m"):
        world.push(2)
        assert world.states() == {2: "START", 1: "UNLOADING"}
        with pytest.raises(StatusError, match="still loading") as caught:
            world.served()
        assert caught.value.code is Code.UNAVAILABLE
    assert world.served() == 2


def test_the_number_of_retries_may_change_while_a_load_fails(world: World) -> None:
    world.broken.add(("m", 1))
    world.push(1)
    world.set_flags(max_num_load_retries=1)
    world.pass_s(60)
    assert world.states() == {1: "END"}


def test_without_listing_nothing_is_ever_loaded(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path, file_system_poll_wait_seconds=-1)
    world.serve(world.entry())
    world.push(1)
    assert not world.loads


def test_listed_once_means_new_models_only(world: World) -> None:
    (world.root / "m" / "1").mkdir()
    world.manager.configure([world.entry(), world.entry("new")])
    (world.root / "new" / "1").mkdir()
    world.manager.reconcile(list_files=False)
    assert world.loads == [("new", 1)]


def test_a_base_path_that_moves_is_listed_again(world: World) -> None:
    world.push(1)
    (world.root / "elsewhere" / "2").mkdir(parents=True)
    moved = ModelEntry(name="m", base_path=str(world.root / "elsewhere"))
    world.manager.configure([moved])
    assert world.served() == 1
    world.manager.reconcile(list_files=False)
    assert world.served() == 2


def test_a_servable_that_cannot_be_closed_ends_all_the_same(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.push(1)
    with world.manager.lease("m") as version:
        version.servable.is_closed = True  # type: ignore[attr-defined]
    with caplog.at_level(logging.ERROR):
        world.delete(1)
    assert world.states() == {1: "END"}
    assert "closed twice" in caplog.text
