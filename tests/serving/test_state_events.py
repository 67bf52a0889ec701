"""Who is told of changes, of what and in which order."""

import pathlib

import pytest

from tests.serving.model_world import World


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    world = World(tmp_path)
    world.serve(world.entry())
    return world


def test_each_change_of_state_is_told_in_order(world: World) -> None:
    world.push(1)
    world.push(2)
    assert world.events == [
        *[("m", 1, state) for state in ("START", "LOADING", "AVAILABLE")],
        *[("m", 2, state) for state in ("START", "LOADING", "AVAILABLE")],
        *[("m", 1, state) for state in ("UNLOADING", "END")],
    ]


def test_a_listener_that_fails_stops_nothing(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.manager.on_state_change(lambda *event: 1 / 0)  # type: ignore[arg-type, return-value]
    world.push(1)
    assert world.served() == 1
    assert "A listener of state changes failed" in caplog.text


def test_a_new_configuration_is_told_outside_the_lock(world: World) -> None:
    seen: list[list[str]] = []
    world.manager.on_configured(lambda: seen.append(world.manager.unready_models()))
    world.manager.configure([world.entry(), world.entry("new")])
    assert seen == [["m", "new"]]
