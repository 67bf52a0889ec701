"""`ktp models`: what was pushed, what is live, and taking it back."""

import dataclasses
import datetime
import json

import click
from rich.console import Console
from rich.table import Table

from pipeline.pushed_models import PushedModels, PushedVersion

_ROOT = click.argument("root", default=".")


@click.group()
def models() -> None:
    """List, promote and roll back what was pushed.

    ROOT is the --output of `ktp run` or the --push-root of `ktp compile`.
    """


@models.command("list")
@_ROOT
@click.option("--json", "as_json", is_flag=True, help="One JSON line per version.")
def list_command(root: str, as_json: bool) -> None:
    """List the versions in ROOT, the newest first."""
    found = PushedModels(root).versions()
    if as_json:
        for version in found:
            told = {**dataclasses.asdict(version), "state": version.state}
            click.echo(json.dumps(told))
        return
    _draw(found)


@models.command("promote")
@_ROOT
@click.argument("version", type=click.IntRange(min=1))
def promote_command(root: str, version: int) -> None:
    """Make VERSION in ROOT the live one; newer ones are withdrawn, not removed."""
    PushedModels(root).promote(version)
    click.echo(f"Version {version} is live; servers switch when they next look.")


@models.command("rollback")
@_ROOT
def rollback_command(root: str) -> None:
    """Withdraw the live version in ROOT; the one before it is live then."""
    version = PushedModels(root).roll_back()
    click.echo(f"Version {version} is live; servers switch when they next look.")


def _draw(found: list[PushedVersion]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("version", "pushed", "state", "device files"):
        table.add_column(column)
    for version in found:
        table.add_row(
            str(version.number),
            _when(version.number),
            f"[bold green]{version.state}[/]" if version.is_live else version.state,
            "yes" if version.has_device_files else "[yellow]no[/]",
        )
    Console().print(table)


def _when(number: int) -> str:
    """Our versions are seconds since 1970; others are what they are."""
    try:
        moment = datetime.datetime.fromtimestamp(number)
    except (OverflowError, OSError, ValueError):
        return ""
    return moment.isoformat(" ", "minutes") if moment.year >= 2000 else ""
