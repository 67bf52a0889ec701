"""`python -m serving.request_logs.to_warmup`: a warm-up file out of request logs.

    python -m serving.request_logs.to_warmup /var/log/requests/* --output FILE

FILE is assets.extra/tf_serving_warmup_requests in a version's directory. It holds what
clients sent, and travels with the model.
"""

import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click

from model import contract
from serving.client import protos
from serving.formats.tfrecord import write_record
from serving.request_logs.reader import read_logs, request_of

DEFAULT_RECORDS = 100


def _checked_count(_: click.Context, __: click.Parameter, count: int) -> int:
    if not 1 <= count <= contract.MAX_WARMUP_RECORDS:
        raise click.BadParameter(f"must be from 1 to {contract.MAX_WARMUP_RECORDS}")
    return count


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("logs", nargs=-1, required=True, metavar="LOG...")
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    help=f"MODEL/VERSION/{contract.WARMUP_FILE}",
)
@click.option(
    "--max-records",
    type=int,
    callback=_checked_count,
    default=DEFAULT_RECORDS,
    show_default=True,
    help=f"From 1 to {contract.MAX_WARMUP_RECORDS}.",
)
@click.option("--model-name", default="", help="Of this model only.")
def main(logs: Sequence[str], output: str, max_records: int, model_name: str) -> None:
    """Make a warm-up file out of the distinct requests in request logs.

    LOG are TFRecord files. The warm-up file holds what clients sent, which may be
    personal data. The exit status is 1 when there is no request in them.
    """
    try:
        records = choose(read_logs(logs), max_records, model_name=model_name)
        count = write_warmup_file(pathlib.Path(output), records)
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}.", err=True)
        sys.exit(1)
    if not count:
        click.echo("No request was found; nothing is written.", err=True)
        sys.exit(1)
    click.echo(f"{output}: {count} requests")


def choose(
    logs: Iterable[Any], max_records: int, *, model_name: str = ""
) -> list[bytes]:
    """Takes the first distinct requests, as warm-up records, without their answers.

    Args:
        logs: PredictionLog messages.
        max_records: at most so many.
        model_name: of this model only; empty means any.
    """
    chosen: dict[bytes, None] = {}
    for entry in logs:
        if len(chosen) == max_records:
            break
        if not model_name or model_name in {s.name for s in _model_specs(entry)}:
            chosen[_warmup_record(entry)] = None
    return list(chosen)


def write_warmup_file(path: pathlib.Path, records: Sequence[bytes]) -> int:
    """Makes the file appear at once, with its folder; none without records."""
    if not records:
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        for record in records:
            write_record(file, record)
    os.replace(part, path)
    return len(records)


def _warmup_record(entry: Any) -> bytes:
    """Keeps what the server runs, and no more: equal requests become equal bytes."""
    record = protos.PredictionLog()
    kind = entry.WhichOneof("log_type")
    getattr(record, kind).request.CopyFrom(request_of(entry))
    for spec in _model_specs(record):
        # The file outlives the version; a warm-up runs on whatever is loaded.
        spec.ClearField("version_choice")
    return bytes(record.SerializeToString(deterministic=True))


def _model_specs(entry: Any) -> Iterator[Any]:
    request = request_of(entry)
    if entry.WhichOneof("log_type") == "multi_inference_log":
        yield from (task.model_spec for task in request.tasks)
    else:
        yield request.model_spec


if __name__ == "__main__":
    main(prog_name="python -m serving.request_logs.to_warmup")
