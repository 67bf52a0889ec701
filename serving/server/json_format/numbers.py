"""Floats as upstream writes them: short where that is exact, never like an integer."""

import decimal
import math
import struct

import numpy as np

FEW = 48
"""Below this many numbers numpy costs more than it saves."""

_FLOAT32 = struct.Struct("<f")


def float_text(value: float) -> str:
    """A double: six digits if they give it back, otherwise seventeen."""
    if not math.isfinite(value):
        return _special(value)
    short = f"{value:.6g}"
    text = short if float(short) == value else f"{value:.17g}"
    # Without a point a list of whole numbers would read as integers.
    return text if "." in text or "e" in text else f"{text}.0"


def float_texts(values: np.ndarray) -> list[str]:
    """The texts of a flat array of float32, float64, or what fits float32."""
    if values.dtype == np.float64:
        return [float_text(value) for value in values.tolist()]
    with np.errstate(all="ignore"):  # NaN, infinity and zero go through like others
        exact = values.astype(np.float32)
        if len(exact) < FEW:
            return [_float32_text(number) for number in exact.tolist()]
        return _many_texts(exact)


def _float32_text(number: float) -> str:
    if not math.isfinite(number):
        return _special(number)
    short = f"{number:.6g}"
    # Compared as float32: 0.2 is the float32 next to 0.2, not the double.
    is_same = _FLOAT32.unpack(_FLOAT32.pack(float(short)))[0] == number
    text = short if is_same else f"{number:.9g}"
    return text if "." in text or "e" in text else f"{text}.0"


def _many_texts(exact: np.ndarray) -> list[str]:
    numbers = exact.tolist()
    # One format call for all: nine digits always give a float32 back.
    texts = (("%.9g " * len(numbers)) % tuple(numbers)).split()
    wide = exact.astype(np.float64)
    scale = 10.0 ** (5 - np.floor(np.log10(np.abs(wide))))
    distance = np.abs(np.rint(wide * scale) / scale - wide)
    # Six digits may do, or there may be no point: too many pass, never too few.
    is_near = distance <= np.spacing(np.abs(exact))
    is_rare = is_near | (wide == np.rint(wide)) | ~np.isfinite(wide)
    for index in np.flatnonzero(is_rare).tolist():
        texts[index] = _float32_text(numbers[index])
    return texts


def double_text(value: float) -> str:
    """A finite double as RapidJSON itself writes it: 0.5, 100000.0, 1e30."""
    sign, numbers, exponent = decimal.Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, numbers)).rstrip("0") or "0"
    point = 1 if digits == "0" else len(numbers) + int(exponent)
    minus = "-" if sign else ""
    if len(digits) <= point <= 21:
        return f"{minus}{digits.ljust(point, '0')}.0"
    if 0 < point <= 21:
        return f"{minus}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{minus}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{minus}{digits[0]}{fraction}e{point - 1}"


def _special(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
