"""When is the first load over, and when has it failed?"""

import pathlib

import pytest

from serving.server.models.config import VersionPolicy
from tests.support.serving.server.model_world import World

CAUSE = "due to error: NOT_FOUND: saved_model.pb is missing"


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    """Where a load is tried three times."""
    return World(tmp_path)


@pytest.fixture
def no_retries(world: World) -> World:
    """Where a load that fails has failed for good."""
    world.set_flags(max_num_load_retries=0)
    return world


def _serve(world: World, *names: str) -> None:
    world.serve(*(world.entry(name) for name in names))


def test_the_start_is_over_when_every_model_is_loaded(world: World) -> None:
    _serve(world, "m", "n")
    assert not world.manager.wait_for_start(0.0).is_over
    world.push(1)
    assert not world.manager.wait_for_start(0.0).is_over
    world.push(7, name="n")
    assert world.manager.wait_for_start(0.0).is_over


def test_nothing_configured_is_nothing_to_wait_for(world: World) -> None:
    world.serve()
    assert world.manager.wait_for_start(0.0).is_over


def test_a_model_that_fails_for_good_ends_the_start_with_upstream_s_words(
    world: World,
) -> None:
    world.broken |= {("m", 1), ("n", 1)}
    _serve(world, "m", "n", "good")
    world.push(1, name="good")
    for name in ("m", "n"):
        world.push(1, name=name)
    for _ in range(2):
        assert world.manager.wait_for_start(0.0).error is None
        world.pass_s(60)
    assert str(world.manager.wait_for_start(0.0).error) == (
        "UNKNOWN: 2 servable(s) did not become available: "
        f"{{{{{{name: m version: 1}} {CAUSE}}}, {{{{name: n version: 1}} {CAUSE}}}, }}"
    )


def test_a_failure_waits_for_the_models_that_are_undecided(no_retries: World) -> None:
    """As upstream, which ends when the last model has loaded or failed."""
    no_retries.broken.add(("m", 1))
    _serve(no_retries, "m", "n")
    no_retries.push(1)
    assert no_retries.manager.wait_for_start(0.0).error is None
    no_retries.push(1, name="n")
    progress = no_retries.manager.wait_for_start(0.0)
    assert progress.error is not None
    assert "1 servable(s)" in str(progress.error)
    assert not progress.is_over


def test_every_wanted_version_is_tried_before_the_start_is_over(world: World) -> None:
    seen: list[bool] = []
    world.during_load = lambda: seen.append(world.manager.wait_for_start(0.0).is_over)
    entry = world.entry(policy=VersionPolicy(latest=None))
    for version in (1, 2):
        (world.root / "m" / str(version)).mkdir()
    world.serve(entry)
    world.pass_s(1)
    assert world.loads == [("m", 2), ("m", 1)]
    assert seen == [False, False]
    assert world.manager.wait_for_start(0.0).is_over


def test_a_version_that_waits_for_its_next_attempt_holds_nobody_up(
    world: World,
) -> None:
    world.broken.add(("m", 2))
    for version in (1, 2):
        (world.root / "m" / str(version)).mkdir(parents=True)
    world.serve(world.entry(policy=VersionPolicy(latest=None)))
    world.pass_s(1)
    assert world.states() == {2: "LOADING", 1: "AVAILABLE"}
    assert world.manager.wait_for_start(0.0).is_over


def test_a_missing_one_of_several_certain_versions_is_not_waited_for(
    world: World,
) -> None:
    world.serve(world.entry(policy=VersionPolicy(specific=(1, 7))))
    assert not world.manager.wait_for_start(0.0).is_over
    world.push(1)
    assert world.manager.wait_for_start(0.0).is_over


def test_failures_that_are_tolerated_leave_the_others(no_retries: World) -> None:
    no_retries.set_flags(tolerate_failed_models=True)
    no_retries.broken.add(("bad", 1))
    _serve(no_retries, "m", "bad", "empty")
    no_retries.push(1, name="bad")
    progress = no_retries.manager.wait_for_start(0.0)
    assert (progress.is_over, progress.error) == (False, None)
    no_retries.push(1)
    progress = no_retries.manager.wait_for_start(0.0)
    assert (progress.is_over, progress.error) == (True, None)
    assert progress.failures.keys() == {"bad"}
    assert progress.missing == ["bad", "empty"]


def test_nobody_waits_for_the_next_attempt_of_a_failure_that_is_tolerated(
    world: World,
) -> None:
    """By default it comes a minute later, five times."""
    world.set_flags(tolerate_failed_models=True)
    world.broken.add(("bad", 1))
    _serve(world, "m", "bad")
    world.push(1, name="bad")
    assert not world.manager.wait_for_start(0.0).is_over
    world.push(1)
    assert world.states("bad") == {1: "LOADING"}
    progress = world.manager.wait_for_start(0.0)
    assert (progress.is_over, progress.error) == (True, None)
    assert progress.missing == ["bad"]


def test_a_model_whose_attempts_are_not_over_ends_nothing_and_is_waited_for(
    world: World,
) -> None:
    world.set_flags(tolerate_failed_models=True)
    world.broken.add(("m", 1))
    _serve(world, "m")
    world.push(1)
    progress = world.manager.wait_for_start(0.0)
    assert (progress.is_over, progress.error) == (False, None)
    world.broken.clear()
    world.pass_s(60)
    assert world.manager.wait_for_start(0.0).is_over


def test_when_all_models_fail_there_is_nothing_to_tolerate(no_retries: World) -> None:
    no_retries.set_flags(tolerate_failed_models=True)
    no_retries.broken.add(("m", 1))
    _serve(no_retries, "m")
    no_retries.push(1)
    assert no_retries.manager.wait_for_start(0.0).error is not None
