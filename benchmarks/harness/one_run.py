"""One run of the load generator, in a process of its own."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.harness.placement import Cores, on_cores
from benchmarks.harness.served import ServedModel


def run_load(
    server: ServedModel,
    cores: Cores,
    texts: tuple[pathlib.Path, str],
    transport: str,
    **options: Any,
) -> Mapping[str, Any]:
    """The result of `python -m benchmarks.load`; options are its flags."""
    path, column = texts
    command = [
        *(sys.executable, "-m", "benchmarks.load", "--json"),
        *("--endpoint", server.endpoint(transport)),
        *("--texts", str(path), "--text-column", column),
        *("--server-pid", str(server.process_id), "--metrics", server.metrics_url),
        *(["--rest"] if transport == "rest" else []),
    ]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    with on_cores(cores):
        # Status 1 means that requests failed, which the result tells.
        finished = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return dict(json.loads(finished.stdout))
