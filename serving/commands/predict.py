"""`ktp predict`: asks a server from the command line."""

import functools
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from model import contract
from serving.client import Client
from serving.client.config import ClientConfig, TlsConfig, TransportKind, default_port
from serving.client.errors import ServingError
from serving.commands.answers import Unanswered, answers_of
from serving.commands.output import Answer, print_json, print_table, with_progress
from serving.commands.texts import UntilFailure, parts_as_they_come, parts_of_rows
from serving.text_files.reading import read_stream, read_texts
from serving.text_files.rows import Row, row_of_text
from serving.text_files.shown import json_line, named

# What a shell reports for a program that wrote into a closed pipe: 128 + SIGPIPE.
BROKEN_PIPE = 141


@click.command()
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False),
    help="Texts of .csv, .tsv, .jsonl, .parquet, .tfrecord; of others one a line.",
)
@click.option("--text-column", default=contract.TEXT, show_default=True)
@click.option("--endpoint", metavar="HOST:PORT", help="Default: this machine's server.")
@click.option("--rest", is_flag=True, help="Ask over REST instead of gRPC.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.option("--model-name", default=contract.MODEL_NAME, show_default=True)
@click.option("--version", type=int, help="Ask this version.")
@click.option("--label", "version_label", help="Ask the version with this label.")
@click.option("--token-file", "token_path", type=click.Path(), help="Bearer token.")
@click.option("--ca-path", type=click.Path(exists=True), help="Use TLS; trust this CA.")
@click.option("--deadline-s", type=float, help="How long to wait for an answer.")
@click.option("--max-rows-per-request", type=int, help="Texts sent at once.")
@click.option("--inputs", metavar="JSON", help="Ask any model: '{\"x\": [1, 2]}'.")
@click.option(
    "--signature",
    default=contract.Signature.SERVING_DEFAULT.value,
    show_default=True,
    help="With --inputs.",
)
def predict(
    texts: Sequence[str],
    path: str | None,
    text_column: str,
    as_json: bool,
    inputs: str | None,
    signature: str,
    **settings: Any,
) -> None:
    """Ask a server what TEXT is; without TEXT, every line of standard input."""
    if sum((bool(texts), path is not None, inputs is not None)) > 1:
        raise click.UsageError("Give TEXT, --file or --inputs: one of them.")
    try:
        with Client.from_config(_config(**settings)) as client:
            if inputs is not None:
                _print_outputs(client, inputs, signature, as_json)
            else:
                is_live = not texts and path is None
                rows = UntilFailure(_rows(texts, path, text_column))
                cut = parts_as_they_come if is_live else parts_of_rows
                parts = cut(rows, client.config.max_rows_per_request)
                answers = answers_of(client, parts, is_numbered=not texts)
                _print(answers, as_json, rows)
    except BrokenPipeError:
        # `| head` has read enough. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(BROKEN_PIPE)
    except (ValueError, OSError, ServingError) as error:
        raise click.ClickException(str(error)) from None


def _config(rest: bool, ca_path: str | None, **given: Any) -> ClientConfig:
    kind = TransportKind.REST if rest else TransportKind.GRPC
    if ca_path is not None:
        given["tls"] = TlsConfig(ca_path=ca_path)
    values = {name: value for name, value in given.items() if value is not None}
    return ClientConfig.from_env(
        default_endpoint=f"localhost:{default_port(kind)}", transport=kind, **values
    )


def _rows(texts: Sequence[str], path: str | None, text_column: str) -> Iterator[Row]:
    """Finds where the texts are: in the command, in a file, or in standard input."""
    if texts:
        return (row_of_text(number, text, "") for number, text in enumerate(texts, 1))
    if path is not None:
        return read_texts(Path(path), text_column, functools.partial(_note, Path(path)))
    if sys.stdin.isatty():
        raise click.UsageError('Give a text: ktp predict "where is my order?"')
    return read_stream(sys.stdin.buffer, "standard input")


def _note(path: Path, note: str) -> None:
    click.echo(f"{named(path)}: {note}.", err=True)


def _print(answers: Iterable[Answer], as_json: bool, rows: UntilFailure) -> None:
    """Prints an answer for each row, and then what stopped them, or had none."""
    unanswered = Unanswered()
    watched = with_progress(unanswered.watch(answers))
    (print_json if as_json else print_table)(watched)
    complaints = [str(rows.failure or ""), str(unanswered)]
    if any(complaints):
        raise click.ClickException("\n".join(filter(None, complaints)))


def _print_outputs(client: Client, inputs: str, signature: str, as_json: bool) -> None:
    """Prints lists of arrays; of bytes text, or `{"b64": ...}` where they are not."""
    from serving.client.over_rest import json_values

    values = _object(inputs)
    known = client.metadata().signatures.get(signature)
    specs = {} if known is None else known.inputs
    # JSON lacks the types that the signature asks for. What it does not know is for the
    # server to refuse, in its own words.
    arrays = {
        name: json_values.decode(value, specs[name].dtype) if name in specs else value
        for name, value in values.items()
    }
    outputs = client.predict(arrays, signature)
    answer = {name: json_values.encode(array) for name, array in outputs.items()}
    click.echo(json_line(answer, indent=None if as_json else 1))


def _object(inputs: str) -> dict[str, Any]:
    try:
        values = json.loads(inputs)
    except ValueError as error:
        raise click.BadParameter(f"--inputs is no JSON: {error}.") from None
    if not isinstance(values, dict):
        raise click.BadParameter(
            f"--inputs is {inputs}; give an object: name to value."
        )
    return values
