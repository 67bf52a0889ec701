"""Processor time of this process, and of another with its children (Linux)."""

import os
import pathlib
import time

_PROC = pathlib.Path("/proc")


def own_seconds() -> float:
    """User and system time of all threads of this process."""
    return time.process_time()


def tree_seconds(process_id: int) -> float | None:
    """User and system time of a process, its ended and its living children.

    None where it cannot be known: no such process, or no `/proc`.
    """
    stats = {pid: stat for pid in _process_ids() if (stat := _stat(pid)) is not None}
    if process_id not in stats:
        return None
    family: set[int] = set()
    found = {process_id}
    while found:
        family |= found
        found = {p for p, (parent, _) in stats.items() if parent in family} - family
    ticks = sum(stats[member][1] for member in family)
    return ticks / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> float | None:
    """Time that all cores together have spent on anything but waiting."""
    path = _PROC / "stat"
    if not path.is_file():
        return None
    user, nice, system, _idle, _iowait, *irq = map(
        int, path.read_text().splitlines()[0].split()[1:8]
    )
    return (user + nice + system + sum(irq)) / os.sysconf("SC_CLK_TCK")


def resident_bytes(process_id: int) -> int:
    """Memory that the process holds in RAM now."""
    pages = (_PROC / str(process_id) / "statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _process_ids() -> list[int]:
    if not _PROC.is_dir():
        return []
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _stat(process_id: int) -> tuple[int, int] | None:
    """Parent and ticks: user, system, and both of children that were waited for."""
    try:
        text = (_PROC / str(process_id) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None  # It ended between the listing and now.
    # The name, in parentheses, may hold anything; what follows is numbers.
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(int(field) for field in fields[11:15])
