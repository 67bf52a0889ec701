"""Version labels: what they mean, when they move, and when they are refused."""

import pathlib

import pytest

from serving.client import protos
from serving.server.models.config import VersionPolicy
from serving.server.status import Code, StatusError
from tests.support.serving.server.model_world import World

SEVERAL = VersionPolicy(latest=None)


def _world(root: pathlib.Path, **config: bool) -> World:
    world = World(root, **config)
    world.serve(world.entry(policy=SEVERAL))
    world.push(1, 2)
    return world


def _reload(world: World, **labels: int) -> None:
    config = protos.ModelServerConfig()
    model = config.model_config_list.config.add(
        name="m", base_path=str(world.root / "m"), model_platform="tensorflow"
    )
    model.model_version_policy.all.SetInParent()
    model.version_labels.update(labels)
    world.manager.reload(config, deadline_s=0)


def _refused(version: int) -> str:
    return (
        f"^FAILED_PRECONDITION: Request to assign label to version {version} of model "
        "m, which is not currently available for inference$"
    )


def test_a_label_names_an_available_version(tmp_path: pathlib.Path) -> None:
    world = _world(tmp_path)
    _reload(world, stable=1, canary=2)
    assert (world.served(label="stable"), world.served(label="canary")) == (1, 2)


def test_a_reload_moves_a_label_to_an_available_version(tmp_path: pathlib.Path) -> None:
    world = _world(tmp_path)
    _reload(world, stable=1)
    _reload(world, stable=2)
    assert world.served(label="stable") == 2


def test_a_reload_without_a_label_removes_it(tmp_path: pathlib.Path) -> None:
    world = _world(tmp_path)
    _reload(world, stable=1)
    _reload(world)
    with pytest.raises(StatusError, match="version label: stable$") as caught:
        world.served(label="stable")
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_reload_refuses_a_label_for_a_version_that_is_not_available(
    tmp_path: pathlib.Path,
) -> None:
    world = _world(tmp_path)
    _reload(world, stable=1)
    with pytest.raises(StatusError, match=_refused(7)):
        _reload(world, stable=7)
    assert world.served(label="stable") == 1
    assert world.manager.entries["m"].labels == {"stable": 1}


def test_labels_for_unavailable_versions_can_be_allowed(tmp_path: pathlib.Path) -> None:
    world = _world(tmp_path, allow_version_labels_for_unavailable_models=True)
    _reload(world, next=7)
    with pytest.raises(StatusError, match=r"Servable not found.*Specific\(m, 7\)$"):
        world.served(label="next")
    world.push(7)
    assert world.served(label="next") == 7


def test_a_label_in_use_does_not_move_to_an_unavailable_version_even_if_allowed(
    tmp_path: pathlib.Path,
) -> None:
    world = _world(tmp_path, allow_version_labels_for_unavailable_models=True)
    _reload(world, stable=1)
    with pytest.raises(StatusError, match=_refused(7)):
        _reload(world, stable=7)
    assert world.served(label="stable") == 1


def test_at_start_a_label_waits_for_its_version(tmp_path: pathlib.Path) -> None:
    world = World(tmp_path)
    world.serve(world.entry(labels={"stable": 1}))
    with pytest.raises(StatusError, match="waits for version 1 to become") as caught:
        world.served(label="stable")
    assert caught.value.message.startswith("Unrecognized servable version label: sta")
    world.push(1)
    assert world.served(label="stable") == 1


def test_a_label_of_a_version_that_is_loading_is_unavailable_not_unknown(
    tmp_path: pathlib.Path,
) -> None:
    world = World(tmp_path)
    world.broken.add(("m", 1))
    world.serve(world.entry(labels={"stable": 1, "other": 7}))
    world.push(1)
    for label, code in (
        ("stable", Code.UNAVAILABLE),
        ("nope", Code.INVALID_ARGUMENT),
    ):
        with pytest.raises(StatusError, match=f"version label: {label}") as caught:
            world.served(label=label)
        assert caught.value.code is code


@pytest.mark.parametrize("allowed", [False, True])
def test_a_polled_label_stays_until_the_new_version_is_available(
    tmp_path: pathlib.Path, allowed: bool
) -> None:
    world = World(tmp_path, allow_version_labels_for_unavailable_models=allowed)
    world.serve(world.entry(labels={"stable": 1}))
    world.push(1)
    world.broken.add(("m", 2))
    world.serve(world.entry(labels={"stable": 2}))
    world.push(2)
    assert world.served(label="stable") == 1
    world.broken.clear()
    world.pass_s(60)
    assert world.served(label="stable") == 2


def test_a_label_stays_when_its_version_goes(tmp_path: pathlib.Path) -> None:
    world = _world(tmp_path)
    _reload(world, stable=1)
    world.delete(1)
    with pytest.raises(StatusError, match=r"Servable not found.*Specific\(m, 1\)$"):
        world.served(label="stable")
