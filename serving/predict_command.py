"""`ktp predict`: asks a server from the command line."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from model import contract


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option("--endpoint", metavar="HOST:PORT", help="Default: this machine's server.")
@click.option("--rest", is_flag=True, help="Ask over REST instead of gRPC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--model-name", default=contract.MODEL_NAME, show_default=True)
@click.option("--deadline-s", type=float, help="How long to wait for the answer.")
@click.option("--ca-path", type=click.Path(exists=True), help="Use TLS; trust this CA.")
def predict(
    texts: Sequence[str],
    endpoint: str | None,
    rest: bool,
    as_json: bool,
    model_name: str,
    deadline_s: float | None,
    ca_path: str | None,
) -> None:
    """Ask a server what TEXT is; without TEXT, every line of standard input."""
    from serving.client import Client
    from serving.config import ClientConfig, TlsConfig, TransportKind, default_port
    from serving.errors import ServingError

    kind = TransportKind.REST if rest else TransportKind.GRPC
    wanted = {
        "endpoint": endpoint,
        "deadline_s": deadline_s,
        "tls": TlsConfig(ca_path=ca_path) if ca_path else None,
    }
    given: dict[str, Any] = {
        name: value for name, value in wanted.items() if value is not None
    }
    lines = list(texts) or _lines_of_stdin()
    try:
        config = ClientConfig.from_env(
            default_endpoint=f"localhost:{default_port(kind)}",
            transport=kind,
            model_name=model_name,
            **given,
        )
        with Client.from_config(config) as client:
            predictions = client.classify(lines)
    except (ValueError, OSError, ServingError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        _print_json(lines, predictions)
    else:
        _print_table(lines, predictions)


def _lines_of_stdin() -> list[str]:
    if sys.stdin.isatty():
        raise click.UsageError('Give a text: ktp predict "where is my order?"')
    lines = sys.stdin.read().splitlines()
    return [line for line in lines if line.strip()]


def _print_json(texts: Sequence[str], predictions: Sequence[Any]) -> None:
    for text, prediction in zip(texts, predictions, strict=True):
        answer = {contract.TEXT: text, **prediction.to_dict()}
        click.echo(json.dumps(answer, ensure_ascii=False))


def _print_table(texts: Sequence[str], predictions: Sequence[Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("text", "label", "score", "next best")
    for text, prediction in zip(texts, predictions, strict=True):
        others = zip(prediction.labels[1:3], prediction.scores[1:3], strict=True)
        rest = ", ".join(f"{label} {score:.1%}" for label, score in others)
        # Text, because rich would read [brackets] in a plain string as markup.
        cells = (text, prediction.label, f"{prediction.score:.1%}", rest)
        table.add_row(*map(Text, cells))
    Console().print(table)
