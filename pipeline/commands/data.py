"""`ktp data`: public data sets by name."""

import click
from rich.console import Console
from rich.table import Table

from pipeline.config import Environment
from pipeline.data import public


@click.group()
def data() -> None:
    """Fetch public data sets."""


@data.command("list")
def list_datasets() -> None:
    """Show the data sets that `fetch` knows, and their licences."""
    table = Table("name", "what it is", "licence", box=None)
    for name, dataset in public.PUBLIC_DATASETS.items():
        table.add_row(name, dataset.title, dataset.licence)
    Console().print(table)


@data.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Download NAME from its authors, check it, and keep it for `run --data NAME`."""
    dataset = public.PUBLIC_DATASETS.get(name)
    if dataset is not None:
        for url in dataset.urls.values():
            click.echo(f"from {url}")
        click.echo(f"licence {dataset.licence}")
    folder = public.fetch(name, Environment.from_env().cache_dir / "datasets")
    click.echo(f"wrote {folder}; use it with: ktp run --data {name}")
