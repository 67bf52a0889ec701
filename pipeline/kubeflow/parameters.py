"""What a run gives a compiled pipeline's runtime parameters, checked before it starts.

On a command line every value is a text; orchestrators want the declared type, and the
step that reads a wrong one would find out minutes later.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from model.config import TrainingConfig
from model.settings import quoted
from pipeline.errors import SettingError

_NUMBERS: Mapping[str, tuple[type, str]] = {
    "NUMBER_INTEGER": (int, "a whole number"),
    "NUMBER_DOUBLE": (float, "a number"),
    # Pipelines of version 2.0.
    "INT": (int, "a whole number"),
    "DOUBLE": (float, "a number"),
}
_TRAINING = {field.name for field in dataclasses.fields(TrainingConfig)}


def declared_parameters(spec: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Gives the runtime parameters of a pipeline, and what the file says of each."""
    found = spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {})
    return found if isinstance(found, Mapping) else {}


def typed(
    declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Gives each value in its parameter's type.

    Raises:
        SettingError: a name is unknown, a value is no number, or the training takes no
            such number.
    """
    for name in given:
        if name not in declared:
            allowed = ", ".join(sorted(declared)) or "none"
            raise SettingError(
                f"The pipeline has no parameter {quoted(name)}; it has {allowed}."
            )
    return {name: _typed(name, declared[name], given[name]) for name in given}


def _typed(name: str, about: Mapping[str, Any], value: Any) -> Any:
    kind = about.get("parameterType", about.get("type", ""))
    if kind not in _NUMBERS or not isinstance(value, str):
        return value
    number, called = _NUMBERS[kind]
    try:
        found = number(value)
    except ValueError:
        raise SettingError(
            f"The parameter {name} is {quoted(value)}; allowed: {called}."
        ) from None
    if name in _TRAINING:
        try:
            TrainingConfig(**{name: found})
        except ValueError as error:
            raise SettingError(f"The parameter {error}") from None
    return found
