"""How numbers are written; a missing or undefined one is a dash."""

import datetime
import math

DASH = "–"


def percent(share: float | None, decimals: int = 1) -> str:
    """Writes 0.934 as `93.4%`. Never rounds up to 100 % or down to 0 %."""
    if share is None or not math.isfinite(share):
        return DASH
    text = f"{100 * share:.{decimals}f}"
    smallest = 10.0**-decimals
    if share < 1 and float(text) >= 100:
        return f">{100 - smallest:.{decimals}f}%"
    if share > 0 and float(text) == 0:
        return f"<{smallest:.{decimals}f}%"
    return f"{text}%"


def points(difference: float) -> str:
    """Writes 0.012 as `+1.2 points`."""
    text = f"{100 * difference:+.1f}"
    sign = "±" if float(text) == 0 else {"+": "+", "-": "−"}[text[0]]
    return f"{sign}{text[1:]} points"


def significant(value: float | None, digits: int = 3) -> str:
    """Writes three significant digits: `0.0312`, `1.25`, `3.1e-05`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.{digits}g}"


def duration(seconds: float) -> str:
    """Writes `0.4 s`, `38 s`, `4 min 10 s`, `2 h 05 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def size(size_bytes: float) -> str:
    """Writes `812 B`, `4.2 kB`, `17.3 MB`: powers of ten, as in file listings."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 999.5 or unit == "GB":
            break
        size_bytes /= 1000
    return f"{size_bytes:.0f} B" if unit == "B" else f"{size_bytes:.3g} {unit}"


def count(value: float) -> str:
    """Writes `3,080`, and `11.2 M` from a million."""
    return f"{value:,}" if value < 1e6 else f"{value / 1e6:.3g} M"


def moment(started_at: str) -> str:
    """Writes ISO 8601 as a person does; anything else unchanged."""
    try:
        parsed = datetime.datetime.fromisoformat(started_at)
    except ValueError:
        return started_at
    return parsed.strftime("%-d %B %Y, %H:%M %Z").strip()
