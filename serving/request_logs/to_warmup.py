"""`python -m serving.request_logs.to_warmup`: a warm-up file out of request logs.

    python -m serving.request_logs.to_warmup /var/log/requests/* --output FILE

FILE is assets.extra/tf_serving_warmup_requests in a version's directory. It holds what
clients sent, and travels with the model.
"""

import argparse
import os
import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from serving import protos
from serving.formats.tfrecord import write_record
from serving.request_logs.reader import read_logs, request_of

MAX_RECORDS = 1000
"""A server refuses to load a model with more."""
DEFAULT_RECORDS = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the file and says how many requests it holds; 1 when there are none."""
    options = _parser().parse_args(arguments)
    try:
        logs = read_logs(options.logs)
        records = choose(logs, options.max_records, model_name=options.model_name)
        count = write_warmup_file(pathlib.Path(options.output), records)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}.", file=sys.stderr)
        return 1
    if not count:
        print("No request was found; nothing is written.", file=sys.stderr)
        return 1
    print(f"{options.output}: {count} requests")
    return 0


def choose(
    logs: Iterable[Any], max_records: int, *, model_name: str = ""
) -> list[bytes]:
    """The first distinct requests, as warm-up records, without their answers.

    Args:
        logs: PredictionLog messages.
        max_records: at most so many.
        model_name: of this model only; empty means any.
    """
    chosen: dict[bytes, None] = {}
    for entry in logs:
        if len(chosen) == max_records:
            break
        if _is_of(entry, model_name):
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
    """What the server runs, and no more: equal requests become equal bytes."""
    record = protos.PredictionLog()
    kind = entry.WhichOneof("log_type")
    getattr(record, kind).request.CopyFrom(request_of(entry))
    for spec in _model_specs(record):
        # The file outlives the version; a warm-up runs on whatever is loaded.
        spec.ClearField("version_choice")
    return bytes(record.SerializeToString(deterministic=True))


def _is_of(entry: Any, model_name: str) -> bool:
    names = {spec.name for spec in _model_specs(entry)}
    return not model_name or model_name in names


def _model_specs(entry: Any) -> Iterator[Any]:
    request = request_of(entry)
    if entry.WhichOneof("log_type") == "multi_inference_log":
        yield from (task.model_spec for task in request.tasks)
    else:
        yield request.model_spec


def _record_count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= MAX_RECORDS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {MAX_RECORDS}")
    return count


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.request_logs.to_warmup",
        description="Makes a warm-up file out of the distinct requests in request "
        "logs. It holds what clients sent, which may be personal data.",
    )
    parser.add_argument("logs", nargs="+", metavar="LOG", help="TFRecord files")
    parser.add_argument(
        "--output",
        required=True,
        help="MODEL/VERSION/assets.extra/tf_serving_warmup_requests",
    )
    parser.add_argument(
        "--max-records",
        type=_record_count,
        default=DEFAULT_RECORDS,
        help=f"from 1 to {MAX_RECORDS}; default {DEFAULT_RECORDS}",
    )
    parser.add_argument("--model-name", default="", help="of this model only")
    return parser


if __name__ == "__main__":
    sys.exit(main())
