"""Settings that say what they allow: a range beside each field, checked in one place.

A settings class is a frozen dataclass that derives from `Settings` and declares its
numbers with `setting(default, least=…, most=…)`. What a field allows is also what the
documentation shows.
"""

import dataclasses
import enum
import math
import numbers
import types
import typing
from typing import Any, ClassVar

_SHOWN_CHARACTERS = 60
_LEAST_PERCENT = 2
_RANGE = "range"
_BOOLEANS = ("false", "true")
_OTHER = object()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Range:
    """The numbers that a setting may have; each bound is `None` where there is none."""

    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def __contains__(self, value: float) -> bool:
        return (
            value == value  # NaN is not.
            and (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        if self.least is not None and self.most is not None:
            return f"{self.least} to {self.most}"
        lower = f"above {self.above}" if self.least is None else f"from {self.least}"
        upper = f"below {self.below}" if self.most is None else f"at most {self.most}"
        return f"{lower}, {upper}"

    @property
    def is_fraction(self) -> bool:
        """True where people may think of percent."""
        return self.most == 1 or self.below == 1


def setting(default: Any, *, from_data: bool = False, **bounds: float) -> Any:
    """Declares a number of a settings class: its default and its `Range`.

    `from_data`: the data decides it, so nobody sets it.
    """
    metadata = {_RANGE: Range(**bounds), "from_data": from_data}
    return dataclasses.field(default=default, metadata=metadata)


class Settings:
    """The base of every settings class: checks each field when an object is made.

    `section` is the part of a key that stands before the field's name.
    """

    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        annotations = typing.get_type_hints(type(self))
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            checked = _checked(field, annotations[field.name], value, self.section)
            object.__setattr__(self, field.name, checked)


def refusal(field: dataclasses.Field[Any], annotation: Any, key: str, text: str) -> str:
    """Says what was received, what is allowed, and what might have been meant."""
    example = "" if field.default is None else f", for example {field.default}"
    hint = _meant(field, text)
    return f"{key} is {text}; allowed: {allowed(field, annotation)}{example}.{hint}"


def allowed(field: dataclasses.Field[Any], annotation: Any) -> str:
    """Names what a setting takes, in words, as in `a whole number, 1 to 64`."""
    names = []
    for option in options(annotation):
        if option is type(None):
            names.append("none")
        elif option is bool:
            names += _BOOLEANS
        elif issubclass(option, enum.Enum):
            names += [str(member.value) for member in option]
        elif option in (int, float):
            kind = "a whole number" if option is int else "a number"
            names.append(f"{kind}, {range_of(field)}")
        else:
            names.append("a text that is not empty")
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def range_of(field: dataclasses.Field[Any]) -> Range | None:
    """Finds the declared range; None for a setting that is no number."""
    return field.metadata.get(_RANGE)


def options(annotation: Any) -> tuple[type, ...]:
    """Lists the types of `int | None` and the like; one where there is no choice."""
    is_union = isinstance(annotation, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def quoted(value: object) -> str:
    """Writes a value as Python would, short, on one line, safe for a terminal."""
    try:
        text = repr(str(value) if isinstance(value, enum.Enum) else value)
    except ValueError:  # A number of more digits than Python writes.
        return "a number of thousands of digits"
    if len(text) > _SHOWN_CHARACTERS:
        return f"{text[:_SHOWN_CHARACTERS]}… ({len(text):,} characters)"
    return text


def _checked(
    field: dataclasses.Field[Any], annotation: Any, value: Any, section: str
) -> Any:
    for option in options(annotation):
        found = _as(option, value)
        if found is not _OTHER and _is_within(found, option, range_of(field)):
            return found
    key = f"{section}.{field.name}" if section else field.name
    raise ValueError(refusal(field, annotation, key, quoted(value)))


def _is_within(value: Any, option: type, bounds: Range | None) -> bool:
    # A number without a range would be one that nobody thought about.
    return option not in (int, float) or (bounds is not None and value in bounds)


def _as(option: type, value: Any) -> Any:
    """Takes a value as one of a type; `_OTHER` where it is none."""
    # To Python, True is a whole number; to a person it is none.
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if option is int:
        is_whole = is_number and isinstance(value, numbers.Integral)
        return int(value) if is_whole else _OTHER
    if option is float:
        return _float(value) if is_number else _OTHER
    if issubclass(option, enum.Enum):
        return next((m for m in option if value in (m, m.value)), _OTHER)
    return value if isinstance(value, option) and value != "" else _OTHER


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _meant(field: dataclasses.Field[Any], text: str) -> str:
    """Guesses what was meant by a percentage or a decimal comma."""
    bounds = range_of(field)
    bare = text.strip("'\" ")
    number = bare.removesuffix("%").strip().replace(",", ".")
    try:
        value = float(number)
    except ValueError:
        return ""
    if bounds is None or not math.isfinite(value):
        return ""
    # 2 of a share is a slip of the hand rather than two in a hundred.
    is_percent = bare.endswith("%") or value > _LEAST_PERCENT
    meant = value / 100 if bounds.is_fraction and is_percent else value
    if meant not in bounds or (meant == value and number == bare):
        return ""
    return f" Did you mean {meant:.10g}?"
