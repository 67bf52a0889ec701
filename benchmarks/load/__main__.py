"""Puts a server under load and says how it bore it.

    python -m benchmarks.load --endpoint localhost:8500 --clients 64 --texts q.csv
    python -m benchmarks.load --endpoint localhost:8501 --rest --rate 500 --texts m.txt

A run ends by itself. The exit status is 1 if a request failed or was never sent.
"""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import click

from benchmarks.load.config import ARRIVALS, LoadConfig
from benchmarks.load.payloads import read_texts
from benchmarks.load.run import run_load
from model import contract

# The mark keeps the lines of the examples apart.
_HELP = __doc__.replace("    python", "\b\n    python", 1)
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(LoadConfig)}
_SETTINGS = (
    ("duration_s", float, "Measured time."),
    ("warm_up_s", float, "Before that; not reported."),
    ("max_requests", int, "At most so many in all."),
    ("max_in_flight", int, "Open loop: the others wait, and their time counts."),
    ("channels", int, "gRPC connections."),
    ("deadline_s", float, "Per request."),
    ("texts_per_request", int, "Rows of one request."),
    ("check_every", int, "Every so many answers one is read; 0: none."),
    ("seed", int, "Of Poisson arrivals."),
    ("model_name", str, ""),
    ("signature_name", str, ""),
    ("input_name", str, ""),
)


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Options for the fields of LoadConfig that have defaults."""
    for name, kind, text in reversed(_SETTINGS):
        flag = f"--{name.replace('_', '-').removesuffix('-s')}"
        option = click.option(
            *(flag, name),
            type=kind,
            default=_DEFAULTS[name],
            show_default=True,
            help=text,
        )
        command = option(command)
    return command


@click.command(help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--endpoint", required=True, metavar="HOST:PORT")
@click.option(
    "--texts",
    "path",
    required=True,
    type=click.Path(path_type=pathlib.Path),
    help=".csv, .jsonl, or lines.",
)
@click.option("--text-column", default=contract.TEXT, show_default=True)
@click.option("--rest", is_flag=True, help="HTTP; the endpoint is its port.")
@click.option("--clients", type=int, help="Each asks again once answered.")
@click.option("--rate", "rate_per_s", type=float, help="Requests per second.")
@click.option("--arrivals", type=click.Choice(ARRIVALS), default=_DEFAULTS["arrivals"])
@_with_settings
@click.option("--server-pid", type=int, help="Report this process's processor time.")
@click.option("--metrics", metavar="URL", help="The server's Prometheus metrics.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(
    path: pathlib.Path,
    text_column: str,
    rest: bool,
    server_pid: int | None,
    metrics: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    if settings["clients"] is not None and settings["rate_per_s"] is not None:
        raise click.UsageError("--rate is not allowed with --clients.")
    try:
        config = LoadConfig(transport="rest" if rest else "grpc", **settings)
        texts = read_texts(path, text_column)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None
    result = run_load(config, texts, server_pid=server_pid, metrics_url=metrics)
    click.echo(json.dumps(result.to_dict()) if as_json else result.to_text())
    sys.exit(1 if result.errors or result.not_sent or not result.answered else 0)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.load")
