"""Who is told of changes, in which order, and of a start that failed."""

import pathlib

import pytest

from tests.support.serving.server.model_world import World


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
    world.manager.events.on_state_change(lambda *event: 1 / 0)  # type: ignore[arg-type, return-value]
    world.push(1)
    assert world.served() == 1
    assert "A listener of state changes failed" in caplog.text
