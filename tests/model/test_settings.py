"""Every setting of a run declares what it allows, and refuses everything else."""

import dataclasses
import enum
import math
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from model.settings import Settings, allowed, options, range_of
from pipeline.config import SECTIONS, RunConfig

SECTION_CLASSES = [type(getattr(RunConfig.of(), section)) for section in SECTIONS]
HUGE = 10**400  # More than a float holds.


def fields() -> Iterator[tuple[type, Any, Any]]:
    """Each class with each of its fields and the field's annotation."""
    for owner in SECTION_CLASSES:
        annotations = typing.get_type_hints(owner)
        for field in dataclasses.fields(owner):
            yield owner, field, annotations[field.name]


def of_types(*kinds: type) -> list[tuple[type, Any, Any]]:
    return [
        (owner, field, annotation)
        for owner, field, annotation in fields()
        if any(issubclass(option, kinds) for option in options(annotation))
        and bool not in options(annotation)
    ]


NUMBERS = of_types(int, float)


def name(value: object) -> str:
    return getattr(value, "name", "")


def refused(owner: type, field: Any, value: object) -> str:
    """The message with which a value is refused."""
    with pytest.raises(ValueError, match=r"; allowed: ") as caught:
        owner(**{field.name: value})
    return str(caught.value)


def beyond(owner: type, field: Any) -> Iterator[float]:
    """What lies just outside of a range on each side, and far outside."""
    bounds = range_of(field)
    assert bounds is not None, f"{owner.__name__}.{field.name} declares no range"
    yield from (bounds.least - 1,) if bounds.least is not None else (bounds.above,)
    yield from (bounds.most + 1,) if bounds.most is not None else (bounds.below,)
    yield from (-HUGE, HUGE)


def test_every_section_checks_itself() -> None:
    assert len(SECTION_CLASSES) == len(SECTIONS)
    for section, owner in zip(SECTIONS, SECTION_CLASSES, strict=True):
        assert issubclass(owner, Settings)
        assert owner.section == section


@pytest.mark.parametrize(("owner", "field", "annotation"), NUMBERS, ids=name)
def test_every_number_is_bounded_on_both_sides(
    owner: type, field: Any, annotation: Any
) -> None:
    assert len(NUMBERS) > 25
    for value in beyond(owner, field):
        message = refused(owner, field, value)
        assert message.startswith(f"{owner.section}.{field.name} is ")
        assert allowed(field, annotation) in message
        assert len(message) < 300


@pytest.mark.parametrize(("owner", "field", "annotation"), NUMBERS, ids=name)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, True, False, "1", ""])
def test_no_number_is_nan_or_infinite_or_a_bool_or_a_text(
    owner: type, field: Any, annotation: Any, value: object
) -> None:
    refused(owner, field, value)


@pytest.mark.parametrize(("owner", "field", "annotation"), of_types(int), ids=name)
def test_a_whole_number_is_no_float(owner: type, field: Any, annotation: Any) -> None:
    default = field.default or 1  # Where it is None, or 0.
    assert "a whole number, " in refused(owner, field, float(default))


@pytest.mark.parametrize(
    ("owner", "field", "annotation"), of_types(enum.Enum), ids=name
)
def test_every_choice_names_its_values(
    owner: type, field: Any, annotation: Any
) -> None:
    message = refused(owner, field, "nonsense")
    for member in annotation:
        assert str(member.value) in message
        chosen = owner(**{field.name: str(member.value)})
        assert getattr(chosen, field.name) is member


@pytest.mark.parametrize(("owner", "field", "annotation"), of_types(str), ids=name)
@pytest.mark.parametrize("value", ["", None, 5, b"text"])
def test_no_text_is_empty_or_no_text(
    owner: type, field: Any, annotation: Any, value: object
) -> None:
    if value is None and type(None) in options(annotation):
        assert getattr(owner(**{field.name: None}), field.name) is None
    else:
        refused(owner, field, value)


@pytest.mark.parametrize(("owner", "field", "annotation"), list(fields()), ids=name)
def test_none_is_taken_where_it_means_something_and_nowhere_else(
    owner: type, field: Any, annotation: Any
) -> None:
    if type(None) in options(annotation):
        assert getattr(owner(**{field.name: None}), field.name) is None
        assert allowed(field, annotation).endswith("none")
    else:
        refused(owner, field, None)
