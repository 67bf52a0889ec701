"""Changes settings of nested frozen dataclasses from `section.field` = text pairs."""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

_Settings = TypeVar("_Settings")
_BOOLEANS = {"true": True, "false": False}


def apply_overrides(
    settings: _Settings, overrides: Mapping[str, str], *, sections: Sequence[str]
) -> _Settings:
    """Returns `settings` with the named fields of its `sections` replaced.

    Each section is changed as a whole, so that settings which must fit together can
    be changed together.

    Raises:
        ValueError: a key is not `section.field`, or a value does not parse.
    """
    allowed = field_types(settings, sections)
    changes: dict[str, dict[str, Any]] = {section: {} for section in sections}
    for key, text in overrides.items():
        if key not in allowed:
            raise ValueError(_unknown_key_message(key, sorted(allowed)))
        section, field = key.split(".")
        changes[section][field] = parse_value(key, text, allowed[key])
    replaced = {
        section: dataclasses.replace(getattr(settings, section), **fields)
        for section, fields in changes.items()
    }
    return dataclasses.replace(settings, **replaced)  # type: ignore[type-var]


def field_types(settings: object, sections: Sequence[str]) -> dict[str, Any]:
    """Lists every key that `apply_overrides` takes, with the type of its value.

    A field with `metadata={"from_data": True}` is none: the data decides it.
    """
    return {
        f"{section}.{name}": annotation
        for section in sections
        for name, annotation in _settable(type(getattr(settings, section)))
    }


def _settable(owner: type) -> Iterator[tuple[str, Any]]:
    annotations = typing.get_type_hints(owner)
    for field in dataclasses.fields(owner):
        if not field.metadata.get("from_data"):
            yield field.name, annotations[field.name]


def parse_value(key: str, text: str, annotation: Any) -> Any:
    """Reads `text` as the annotated type; `none` is allowed where None is.

    Raises:
        ValueError: the text is not a value of that type.
    """
    options = _options(annotation)
    if type(None) in options and text.lower() in ("none", "auto"):
        return None
    for option in options:
        try:
            return _parse_as(option, text)
        except ValueError:
            continue
    names = " or ".join(_name(option) for option in options)
    raise ValueError(f"{key} is {text!r}; it must be {names}.")


def _options(annotation: Any) -> tuple[type, ...]:
    is_union = isinstance(annotation, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _name(option: type) -> str:
    return "none" if option is type(None) else option.__name__


def _parse_as(option: type, text: str) -> Any:
    if option is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if option is type(None):
        raise ValueError(text)
    value = option(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(text)
    return value


def _unknown_key_message(key: str, allowed: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, allowed, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown setting {key!r}.{hint} Allowed are: {', '.join(allowed)}."
