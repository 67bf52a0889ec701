"""Values of runtime parameters: typed before anything starts, or refused in words."""

from typing import Any

import pytest

from pipeline.errors import SettingError
from pipeline.kubeflow.parameters import declared_parameters, typed

DECLARED = {
    "data": {"parameterType": "STRING"},
    "max_epochs": {"parameterType": "NUMBER_INTEGER"},
    "learning_rate": {"parameterType": "NUMBER_DOUBLE"},
    "old": {"type": "INT"},
}


def test_texts_become_what_is_declared() -> None:
    given = {"data": "7", "max_epochs": "3", "learning_rate": "1e-4", "old": "5"}
    found = typed(DECLARED, given)
    assert found == {"data": "7", "max_epochs": 3, "learning_rate": 1e-4, "old": 5}
    assert [type(found[name]) for name in given] == [str, int, float, int]


def test_values_from_python_stay_as_they_are() -> None:
    assert typed(DECLARED, {"max_epochs": 3}) == {"max_epochs": 3}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dat": "x"}, r"no parameter 'dat'; it has data, learning_rate"),
        ({"max_epochs": "many"}, r"max_epochs is 'many'; allowed: a whole number"),
        ({"max_epochs": "2.5"}, r"max_epochs is '2.5'; allowed: a whole number"),
        ({"max_epochs": "0"}, r"max_epochs is 0; allowed: a whole number, 1 to"),
        ({"learning_rate": "nan"}, r"learning_rate is nan; allowed: a number, above"),
    ],
)
def test_a_wrong_value_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        typed(DECLARED, given)


@pytest.mark.parametrize("spec", [{}, {"root": {}}, {"root": {"inputDefinitions": {}}}])
def test_a_pipeline_may_have_none(spec: dict[str, Any]) -> None:
    assert declared_parameters(spec) == {}
