"""HandleReloadConfigRequest without a transport: refusals, waiting, races."""

import pathlib
import threading
from typing import Any

import pytest

from serving.client import protos
from serving.server.models.swapping import Pools
from serving.server.status import StatusError
from tests.support.patience import LONG_S
from tests.support.serving.server.model_world import InlinePool, ManualPool, World


@pytest.fixture
def world(tmp_path: pathlib.Path) -> World:
    world = World(tmp_path)
    world.serve(world.entry())
    world.push(1)
    return world


def _config(world: World, *names: str, **fields: Any) -> Any:
    config = protos.ModelServerConfig()
    config.model_config_list.SetInParent()
    fields = {"model_platform": "tensorflow", **fields}
    for name in names:
        path = str(world.root / name)
        config.model_config_list.config.add(name=name, base_path=path, **fields)
    return config


def test_a_reload_returns_when_its_new_model_answers(world: World) -> None:
    (world.root / "new" / "3").mkdir(parents=True)
    world.manager.reload(_config(world, "m", "new"))
    assert world.served(name="new") == 3


def test_a_reload_is_the_complete_truth(world: World) -> None:
    world.manager.reload(_config(world))
    assert "m" not in world.manager.entries
    assert world.states() == {1: "END"}


@pytest.mark.parametrize("kind", [None, "custom_model_config"])
def test_only_a_model_config_list_can_be_reloaded(world: World, kind: str) -> None:
    config = protos.ModelServerConfig()
    if kind:
        getattr(config, kind).SetInParent()
    with pytest.raises(StatusError) as caught:
        world.manager.reload(config)
    assert str(caught.value) == (
        "INVALID_ARGUMENT: ServerModelConfig type not supported by "
        "HandleReloadConfigRequest. Only ModelConfigList is currently supported"
    )


def test_a_model_cannot_change_its_platform(world: World) -> None:
    with pytest.raises(StatusError) as caught:
        world.manager.reload(_config(world, "m", model_platform="torch"))
    assert caught.value.message == (
        "Illegal to change a model's platform. For model m platform was tensorflow "
        "and new platform requested is torch"
    )


@pytest.mark.parametrize(
    "names, fields, words",
    [
        (["m", "m"], {}, "^INVALID_ARGUMENT: Illegal to list model m multiple times"),
        (["n"], {"model_platform": "torch"}, "Model n requests unsupported platform t"),
        (
            ["n"],
            {"version_labels": {"stable": 1}},
            "^FAILED_PRECONDITION: Request to assign label to version 1 of model n",
        ),
    ],
)
def test_a_refused_reload_changes_nothing(
    world: World, names: list[str], fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(StatusError, match=words):
        world.manager.reload(_config(world, *names, **fields))
    assert world.manager.entries.keys() == {"m"}
    assert world.served() == 1


def test_a_new_model_that_fails_for_good_is_named_with_its_error(world: World) -> None:
    world.set_flags(max_num_load_retries=0)
    (world.root / "bad" / "1").mkdir(parents=True)
    world.broken.add(("bad", 1))
    with pytest.raises(StatusError) as caught:
        world.manager.reload(_config(world, "m", "bad"))
    assert str(caught.value) == (
        "UNKNOWN: 1 model(s) did not become available: {{{name: bad version: 1} "
        "due to error: NOT_FOUND: saved_model.pb is missing}, }"
    )
    assert "bad" in world.manager.entries


def test_a_reload_waits_no_longer_than_its_deadline(world: World) -> None:
    """Upstream waits for ever when a new model has no base path."""
    (world.root / "slow" / "1").mkdir(parents=True)
    world.broken.add(("slow", 1))
    with pytest.raises(StatusError) as caught:
        world.manager.reload(_config(world, "none", "slow"), deadline_s=0)
    message = caught.value.message
    assert message.startswith("2 model(s) did not become available: {{{name: none} due")
    assert "{name: slow version: 1} due to error: NOT_FOUND: saved_model.pb" in message


def test_a_failing_new_model_does_not_keep_a_good_one_from_serving(
    world: World,
) -> None:
    (world.root / "good" / "1").mkdir(parents=True)
    with pytest.raises(StatusError, match="^UNKNOWN: 1 model"):
        world.manager.reload(_config(world, "none", "good"), deadline_s=0)
    assert world.served(name="good") == 1


def test_a_known_model_is_not_waited_for(world: World) -> None:
    world.broken.add(("m", 2))
    (world.root / "m" / "2").mkdir()
    world.manager.reload(_config(world, "m"), deadline_s=0)
    assert world.served() == 1


class Reloading(threading.Thread):
    """A reload in a thread of its own, which waits much longer than any test does."""

    def __init__(self, world: World, *names: str) -> None:
        super().__init__(daemon=True)
        self.ended: list[str] = []
        self._world = world
        self._config = _config(world, *names)
        self._began = threading.Event()
        world.manager.events.on_state_change(lambda *event: self._began.set())
        self.start()
        assert self._began.wait(LONG_S)

    def run(self) -> None:
        try:
            self._world.manager.reload(self._config, 100 * LONG_S)
            self.ended.append("OK")
        except StatusError as error:
            self.ended.append(error.message)


@pytest.fixture
def loads() -> ManualPool:
    return ManualPool()


@pytest.fixture
def slow_world(tmp_path: pathlib.Path, loads: ManualPool) -> World:
    (tmp_path / "new" / "1").mkdir(parents=True)
    return World(tmp_path, Pools(loads, InlinePool()))


def test_a_reload_blocks_neither_the_poll_nor_another_reload(
    slow_world: World, loads: ManualPool
) -> None:
    """It waits for a load that only the poll of another thread can begin again."""
    reloading = Reloading(slow_world, "new")
    slow_world.manager.reconcile()
    slow_world.manager.reload(_config(slow_world, "new"), deadline_s=0)
    assert not reloading.ended
    loads.run_all()
    reloading.join(LONG_S)
    assert reloading.ended == ["OK"]


def test_a_model_that_another_reload_drops_is_not_waited_for(
    slow_world: World,
) -> None:
    reloading = Reloading(slow_world, "new")
    slow_world.manager.reload(_config(slow_world), deadline_s=0)
    reloading.join(LONG_S)
    (message,) = reloading.ended
    assert "{name: new} due to error: another configuration came" in message


def test_a_reload_ends_when_the_server_does(slow_world: World) -> None:
    reloading = Reloading(slow_world, "new")
    slow_world.manager.lifecycle.stop_loading()
    reloading.join(LONG_S)
    assert reloading.ended[0].startswith("1 model(s) did not become available")
