"""Puts a server under load and says how it bore it.

    python -m benchmarks.load --endpoint localhost:8500 --clients 64 --texts q.csv
    python -m benchmarks.load --endpoint localhost:8501 --rest --rate 500 --texts m.txt

A run ends by itself. The exit status is 1 if a request failed or was never sent.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence

from benchmarks.load.config import ARRIVALS, LoadConfig
from benchmarks.load.run import run_load
from benchmarks.load.texts import read_texts
from model import contract


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the result; the exit status."""
    parser = _parser()
    options = vars(parser.parse_args(arguments))
    path, column = options.pop("texts"), options.pop("text_column")
    as_json, server_pid = options.pop("json"), options.pop("server_pid")
    metrics_url = options.pop("metrics")
    options["transport"] = "rest" if options.pop("rest") else "grpc"
    try:
        config = LoadConfig(**{k: v for k, v in options.items() if v is not None})
        texts = read_texts(path, column)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    result = run_load(config, texts, server_pid=server_pid, metrics_url=metrics_url)
    print(json.dumps(result.to_dict()) if as_json else result.to_text())
    return 1 if result.errors or result.not_sent or not result.answered else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = {field.name: field.default for field in dataclasses.fields(LoadConfig)}
    add = parser.add_argument
    add("--endpoint", required=True, metavar="HOST:PORT")
    add("--texts", required=True, type=pathlib.Path, help=".csv, .jsonl, or lines")
    add("--text-column", default=contract.TEXT, help="default: %(default)s")
    add("--rest", action="store_true", help="HTTP; the endpoint is its port")
    loop = parser.add_mutually_exclusive_group(required=True)
    loop.add_argument("--clients", type=int, help="each asks again once answered")
    loop.add_argument(
        "--rate", type=float, dest="rate_per_s", help="requests per second"
    )
    add("--arrivals", choices=ARRIVALS, default=default["arrivals"])
    for name, kind, text in (
        ("duration_s", float, "measured time"),
        ("warm_up_s", float, "before that; not reported"),
        ("max_requests", int, "at most so many in all"),
        ("max_in_flight", int, "open loop: the others wait, and their time counts"),
        ("channels", int, "gRPC connections"),
        ("deadline_s", float, "per request"),
        ("texts_per_request", int, "rows of one request"),
        ("check_every", int, "every so many answers one is read; 0: none"),
        ("seed", int, "of Poisson arrivals"),
        ("model_name", str, ""),
        ("signature_name", str, ""),
        ("input_name", str, ""),
    ):
        flag = f"--{name.replace('_', '-').removesuffix('-s')}"
        help_text = f"{text} (default: {default[name]})".strip()
        add(flag, type=kind, dest=name, default=default[name], help=help_text)
    add("--server-pid", type=int, help="report the processor time of this process")
    add("--metrics", metavar="URL", help="the server's Prometheus metrics")
    add("--json", action="store_true", help="one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
