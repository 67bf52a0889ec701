"""Changes settings of nested frozen dataclasses from `section.field` = text pairs."""

import dataclasses
import difflib
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from model.settings import allowed, options, quoted, refusal

_Settings = TypeVar("_Settings")
_BOOLEANS = {"true": True, "false": False}
_NONE = ("none", "null", "auto")


def apply_overrides(
    settings: _Settings, overrides: Mapping[str, str], *, sections: Sequence[str]
) -> _Settings:
    """Returns `settings` with the named fields of its `sections` replaced.

    Each section is changed as a whole, so that settings which must fit together can
    be changed together.

    Raises:
        ValueError: a key is not `section.field`, or a value does not parse.
    """
    changes: dict[str, dict[str, Any]] = {section: {} for section in sections}
    known = {key: (field, kind) for key, field, kind in _settable(settings, sections)}
    for key, text in overrides.items():
        if key not in known:
            raise ValueError(_unknown_key_message(key, sorted(known)))
        section, name = key.split(".")
        changes[section][name] = _parsed(key, text, *known[key])
    replaced = {
        section: dataclasses.replace(getattr(settings, section), **fields)
        for section, fields in changes.items()
    }
    return dataclasses.replace(settings, **replaced)  # type: ignore[type-var]


def allowed_values(settings: object, sections: Sequence[str]) -> dict[str, str]:
    """Lists every key that `apply_overrides` takes, with what it allows, in words.

    A field with `metadata={"from_data": True}` is none: the data decides it.
    """
    listed = _settable(settings, sections)
    return {key: allowed(field, annotation) for key, field, annotation in listed}


def _settable(
    settings: object, sections: Sequence[str]
) -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    for section in sections:
        owner = type(getattr(settings, section))
        annotations = typing.get_type_hints(owner)
        for field in dataclasses.fields(owner):
            if not field.metadata.get("from_data"):
                yield f"{section}.{field.name}", field, annotations[field.name]


def _parsed(key: str, text: str, field: dataclasses.Field[Any], annotation: Any) -> Any:
    """Reads `text` as the annotated type; `none` is None where that is allowed."""
    kinds = options(annotation)
    if not isinstance(text, str):  # From Python; the settings check it themselves.
        return text
    if type(None) in kinds and text.lower() in _NONE:
        return None
    # A label may be called none: in quotes it is that text.
    if str in kinds and (bare := text[1:-1]).lower() in _NONE:
        return bare if text in (f"'{bare}'", f'"{bare}"') else text
    for option in kinds:
        try:
            return _parse_as(option, text)
        except ValueError:
            continue
    raise ValueError(refusal(field, annotation, key, quoted(text)))


def _parse_as(option: type, text: str) -> Any:
    if option is bool:
        if text.lower() not in _BOOLEANS:
            raise ValueError(text)
        return _BOOLEANS[text.lower()]
    if option is type(None):
        raise ValueError(text)
    return option(text)


def _unknown_key_message(key: str, known: Sequence[str]) -> str:
    near = _nearest(key, known)
    hint = f" Did you mean {near!r}?" if near else ""
    return f"Unknown setting {quoted(key)}.{hint} Allowed are: {', '.join(known)}."


def _nearest(key: str, known: Sequence[str]) -> str | None:
    """Finds the key that was meant, also where the section was left out."""
    by_name = {each.partition(".")[2]: each for each in known}
    names = difflib.get_close_matches(key.rpartition(".")[2], by_name, 1, cutoff=0.7)
    whole = difflib.get_close_matches(key, known, 1, cutoff=0.5)
    return next(iter([*(by_name[name] for name in names), *whole]), None)
