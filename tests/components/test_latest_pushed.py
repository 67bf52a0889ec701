"""The model to beat is the latest that was pushed."""

from typing import Any

from tfx.types import standard_artifacts

from components.latest_pushed import LatestPushedModelStrategy, record


def artifact(kind: type, number: int) -> Any:
    made = kind()
    made.id = number
    return made


def pushed(number: int, model: Any, *, is_pushed: int = 1) -> Any:
    made = artifact(standard_artifacts.PushedModel, number)
    made.set_int_custom_property("pushed", is_pushed)
    record(made, model)
    return made


def live(models: list[Any], pushes: list[Any]) -> list[Any]:
    found = LatestPushedModelStrategy().resolve_artifacts(
        None, {"model": models, "pushed_model": pushes}
    )
    assert len(found["model"]) == len(found["pushed_model"])
    return found["model"]


MODELS = [artifact(standard_artifacts.Model, number) for number in (1, 2, 3)]


def test_the_latest_pushed_model_is_live_and_a_refused_one_is_not() -> None:
    pushes = [
        pushed(11, MODELS[0]),
        pushed(12, MODELS[1]),
        pushed(13, MODELS[2], is_pushed=0),
    ]
    assert live(MODELS, pushes) == [MODELS[1]]
    assert live(MODELS[::-1], pushes[::-1]) == [MODELS[1]]


def test_nothing_is_live_before_the_first_push() -> None:
    assert live([], []) == []
    assert live(MODELS, []) == []
    assert live(MODELS, [pushed(11, MODELS[0], is_pushed=0)]) == []


def test_device_files_and_pushes_of_unknown_models_are_not_live() -> None:
    edge = artifact(standard_artifacts.PushedModel, 12)
    edge.set_int_custom_property("pushed", 1)
    assert live(MODELS, [edge]) == []
    assert live(MODELS[1:], [pushed(11, MODELS[0])]) == []
