"""Where the steps that use Apache Beam do their work, as Beam's own arguments.

By default in the step itself, which is faster below a million rows than anything that
has to be reached. Each runner here is named with what it cannot do without.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping

from model.settings import quoted
from pipeline.errors import SettingError

IN_PROCESS = (
    # Named, because Beam's DirectRunner first tries to download a binary.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_num_workers=1",
    "--direct_running_mode=in_memory",
    # The workers are this process. Where no dependency is named, TFX packs itself anew
    # for every node to bring it to them: a second and 42 MB each, never removed.
    "--sdk_container_image=this-process",
)

DATAFLOW = "DataflowRunner"

_REMOTE_ROOT = "gs://"
# A side-car with `--worker_pool`, by Beam's custom.
_WORKER_POOL = {"workers": "localhost:50000"}
_ADDRESS = re.compile(r"[\w.-]+:\d{1,5}", re.ASCII)
_WORDS = re.compile(r"[\w./:@=-]+", re.ASCII)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Runner:
    """Which settings a runner needs and takes; each becomes Beam's option."""

    beam_name: str
    options: Mapping[str, str]
    needed: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    defaults: Mapping[str, str] = dataclasses.field(default_factory=dict)


RUNNERS: Mapping[str, Runner] = {
    # https://cloud.google.com/dataflow/docs/reference/pipeline-options
    "dataflow": Runner(
        beam_name=DATAFLOW,
        options={
            "project": "project",
            "region": "region",
            "temp_location": "temp_location",
            "image": "sdk_container_image",
            "service_account": "service_account_email",
            "network": "network",
            "subnetwork": "subnetwork",
            "machine_type": "worker_machine_type",
            "max_workers": "max_num_workers",
            "disk_gb": "disk_size_gb",
        },
        needed=("project", "region", "temp_location", "image"),
        # Workers of a private network reach what they need through Google's own.
        fixed=("--no_use_public_ips", "--experiments=use_runner_v2"),
    ),
    # https://beam.apache.org/documentation/runners/flink/, and spark/: both hand each
    # bundle to a worker pool beside the task manager or executor.
    "flink": Runner(
        beam_name="FlinkRunner",
        options={
            "master": "flink_master",
            "job_server_jar": "flink_job_server_jar",
            "workers": "environment_config",
            "parallelism": "parallelism",
        },
        needed=("master", "job_server_jar"),
        fixed=("--environment_type=EXTERNAL", "--flink_submit_uber_jar"),
        defaults=_WORKER_POOL,
    ),
    "spark": Runner(
        beam_name="SparkRunner",
        options={
            "master": "spark_master_url",
            "job_server_jar": "spark_job_server_jar",
            "workers": "environment_config",
        },
        needed=("master", "job_server_jar"),
        fixed=("--environment_type=EXTERNAL",),
        defaults=_WORKER_POOL,
    ),
}


def beam_arguments(text: str, pipeline_root: str) -> tuple[str, ...]:
    """Reads `dataflow:project=P,region=R,…`, and gives Beam's arguments.

    Args:
        text: A runner and its settings; nothing for the step's own process.
        pipeline_root: Where the steps hand each other what they made.

    Raises:
        SettingError: The runner or a setting is unknown or missing, or the workers
            could not read what the steps write.
    """
    if not text:
        return IN_PROCESS
    name, _, rest = text.partition(":")
    if name not in RUNNERS:
        raise SettingError(
            f"The Beam runner is {quoted(name)}; allowed: {', '.join(RUNNERS)}. "
            "Without one, each step does its work itself."
        )
    runner = RUNNERS[name]
    given = {**runner.defaults, **dict(_settings(name, rest))}
    missing = [key for key in runner.needed if key not in given]
    if missing:
        raise SettingError(
            f"Beam on {name} needs {', '.join(missing)}: write "
            f"{name}:{','.join(f'{key}=…' for key in runner.needed)}."
        )
    problem = _problem(name, given, pipeline_root)
    if problem:
        raise SettingError(problem)
    options = [f"--{runner.options[key]}={value}" for key, value in given.items()]
    return (f"--runner={runner.beam_name}", *options, *runner.fixed)


def _settings(name: str, rest: str) -> Iterator[tuple[str, str]]:
    options = RUNNERS[name].options
    for part in filter(None, rest.split(",")):
        key, _, value = part.strip().partition("=")
        if key not in options or not _WORDS.fullmatch(value):
            raise SettingError(
                f"Beam on {name} is given {quoted(part)}; allowed: "
                f"{', '.join(options)}, each as KEY=VALUE without spaces."
            )
        yield key, value


def _problem(name: str, given: Mapping[str, str], pipeline_root: str) -> str:
    numbers = [k for k in ("max_workers", "disk_gb", "parallelism") if k in given]
    for key in numbers:
        if not re.fullmatch(r"[1-9]\d{0,5}", given[key], re.ASCII):
            number = quoted(given[key])
            return f"{key} of Beam on {name} is {number}; allowed: 1 to 999999."
    workers = given.get("workers")
    if workers is not None and not _ADDRESS.fullmatch(workers):
        return f"workers of Beam on {name} is {quoted(workers)}; write HOST:PORT."
    place = given.get("temp_location")
    if place is None:  # Not Google's.
        return ""
    if not place.startswith(_REMOTE_ROOT):
        return (
            f"temp_location of Beam on {name} is {quoted(place)}; it must be at gs://."
        )
    if not pipeline_root.startswith(_REMOTE_ROOT):
        return (
            f"Dataflow's workers read and write what the steps hand to each other, and "
            f"--pipeline-root is {quoted(pipeline_root)}: name a place at gs://."
        )
    return ""
