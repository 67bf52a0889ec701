"""What runs in every Kubeflow step: TFX's own executor, with Kubeflow's gaps filled.

Open-source Kubeflow differs from Vertex AI, for which TFX wrote its entry point: it
adds an output `executor-logs`, forgets the types of input artifacts, skips ExampleGen's
driver, and keeps remote artifacts in a local mirror. On Vertex AI and on plain paths
the steps below find nothing to do, so one image serves all.
"""

import argparse
import copy
import dataclasses
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.beam import DATAFLOW
from pipeline.errors import UserError

Json = dict[str, Any]

MIRRORS = {"gs://": "gcs", "s3://": "s3", "minio://": "minio"}
"""Scheme to folder: where Kubeflow's launcher mirrors remote artifacts."""

_LOGS_OUTPUT = "executor-logs"
_STORE_METADATA = ("display_name", "store_session_info")
_ON_DATAFLOW = f"--runner={DATAFLOW}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Invocation:
    """The command line of a step.

    `inputs_spec` says which types the inputs were declared with. `mirror_root` is `/`
    in a pod. `beam_args` is all that is not ours.
    """

    executor_class_path: str
    executor_input: Json
    inputs_spec: Json
    mirror_root: str = "/"
    beam_args: tuple[str, ...] = ()

    @classmethod
    def parse(cls, argv: Sequence[str]) -> "Invocation":
        """Reads the arguments that the compiled pipeline gives."""
        parser = argparse.ArgumentParser(
            prog="python -m pipeline.kubeflow.entrypoint", allow_abbrev=False
        )
        parser.add_argument("--executor_class_path", required=True)
        parser.add_argument("--json_serialized_invocation_args", required=True)
        parser.add_argument("--json_serialized_inputs_spec_args", default="{}")
        parser.add_argument("--mirror_root", default="/")
        known, beam_args = parser.parse_known_args(argv)
        return cls(
            executor_class_path=known.executor_class_path,
            executor_input=json.loads(known.json_serialized_invocation_args),
            inputs_spec=json.loads(known.json_serialized_inputs_spec_args),
            mirror_root=known.mirror_root,
            beam_args=tuple(beam_args),
        )

    @property
    def argv(self) -> list[str]:
        """The command line for TFX's entry point."""
        return [
            f"--executor_class_path={self.executor_class_path}",
            f"--json_serialized_invocation_args={json.dumps(self.executor_input)}",
            f"--json_serialized_inputs_spec_args={json.dumps(self.inputs_spec)}",
            *self.beam_args,
        ]

    @property
    def output_path(self) -> str:
        """Where the step says what it made."""
        return self.executor_input["outputs"]["outputFile"]

    @property
    def mirrored_schemes(self) -> dict[str, str]:
        """Dataflow's workers see no mirror: they read gs:// themselves."""
        schemes = dict(MIRRORS)
        if _ON_DATAFLOW in self.beam_args:
            del schemes["gs://"]
        return schemes


def main(argv: Sequence[str]) -> None:
    """Runs one step of a compiled pipeline."""
    invocation = Invocation.parse(argv)
    remote_uris = dict(mirrored_uris(invocation))
    invocation = prepared(invocation)
    empty_outputs(invocation)
    if needs_driver(invocation):
        invocation = run_driver(invocation)
    run_executor(invocation)
    rewrite_output(invocation.output_path, remote_uris)


def prepared(invocation: Invocation) -> Invocation:
    """Makes the invocation what TFX expects: typed, local, nothing of Kubeflow's."""
    executor_input = copy.deepcopy(invocation.executor_input)
    executor_input["outputs"].get("artifacts", {}).pop(_LOGS_OUTPUT, None)
    local_uris = {remote: local for local, remote in mirrored_uris(invocation)}
    declared = invocation.inputs_spec.get("artifacts", {})
    for name, artifact in _artifacts(executor_input, "inputs"):
        if _is_untyped(artifact) and name in declared:
            artifact["type"] = declared[name]["artifactType"]
    for side in ("inputs", "outputs"):
        for _, artifact in _artifacts(executor_input, side):
            artifact["uri"] = local_uris.get(artifact["uri"], artifact["uri"])
            for key in _STORE_METADATA:
                artifact.get("metadata", {}).pop(key, None)
    return dataclasses.replace(invocation, executor_input=executor_input)


def empty_outputs(invocation: Invocation) -> None:
    """Makes the folder of every output, empty.

    Kubeflow's launcher makes only what it lies in; and a step that runs again would
    find what its last attempt left.
    """
    from tfx.dsl.io import fileio

    for _, artifact in _artifacts(invocation.executor_input, "outputs"):
        if fileio.exists(artifact["uri"]):
            fileio.rmtree(artifact["uri"])
        fileio.makedirs(artifact["uri"])


def mirrored_uris(invocation: Invocation) -> Iterator[tuple[str, str]]:
    """Yields local path and remote URI of each artifact that the launcher mirrors."""
    for side in ("inputs", "outputs"):
        for _, artifact in _artifacts(invocation.executor_input, side):
            for scheme, folder in invocation.mirrored_schemes.items():
                if artifact["uri"].startswith(scheme):
                    rest = artifact["uri"].removeprefix(scheme)
                    yield (
                        os.path.join(invocation.mirror_root, folder, rest),
                        artifact["uri"],
                    )


def needs_driver(invocation: Invocation) -> bool:
    """Says whether this is a file-based ExampleGen whose driver nobody has run."""
    from tfx.components.example_gen import base_example_gen_executor as base
    from tfx.dsl.io import fileio
    from tfx.utils import import_utils

    parameters = invocation.executor_input["inputs"].get("parameterValues", {})
    if "input_base" not in parameters or fileio.exists(invocation.output_path):
        return False
    executor_class = import_utils.import_class_by_path(invocation.executor_class_path)
    return issubclass(executor_class, base.BaseExampleGenExecutor)


def run_driver(invocation: Invocation) -> Invocation:
    """Finds span, version and fingerprint of the data, as Vertex AI does beforehand.

    The driver writes settings where the executor looks for them. What it says of the
    output artifact Vertex AI would copy into the next step's input: so do we.
    """
    from tfx.dsl.io import fileio
    from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver

    driver.main(driver._parse_flags(invocation.argv))
    with fileio.open(invocation.output_path, "r") as file:
        found = json.load(file)
    executor_input = copy.deepcopy(invocation.executor_input)
    for name, artifact in _artifacts({"outputs": found}, "outputs"):
        target = executor_input["outputs"]["artifacts"][name]["artifacts"][0]
        target.setdefault("metadata", {}).update(artifact.get("metadata", {}))
    return dataclasses.replace(invocation, executor_input=executor_input)


def run_executor(invocation: Invocation) -> None:
    """Runs the component through TFX's entry point."""
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    # Without the program's name: Beam would warn of an argument it does not know.
    parsed = kubeflow_v2_run_executor._parse_flags(invocation.argv)
    kubeflow_v2_run_executor.main(parsed)


def rewrite_output(output_path: str, remote_uris: Mapping[str, str]) -> None:
    """Puts remote URIs back into what the step says of its outputs."""
    if not remote_uris:
        return
    from tfx.dsl.io import fileio

    with fileio.open(output_path, "r") as file:
        output = json.load(file)
    with fileio.open(output_path, "w") as file:
        file.write(json.dumps(with_remote_uris(output, remote_uris)))


def with_remote_uris(value: Any, remote_uris: Mapping[str, str]) -> Any:
    """Replaces each text in `value` that is, or lies below, a local path."""
    if isinstance(value, dict):
        return {key: with_remote_uris(each, remote_uris) for key, each in value.items()}
    if isinstance(value, list):
        return [with_remote_uris(each, remote_uris) for each in value]
    if isinstance(value, str):
        for local, remote in remote_uris.items():
            if value == local or value.startswith(local.rstrip("/") + "/"):
                return remote + value.removeprefix(local)
    return value


def _artifacts(message: Json, side: str) -> Iterator[tuple[str, Json]]:
    for name, listed in message.get(side, {}).get("artifacts", {}).items():
        for artifact in listed.get("artifacts", []):
            yield name, artifact


def _is_untyped(artifact: Json) -> bool:
    """Says whether the type is missing, or Kubeflow's own, which TFX cannot import."""
    declared = artifact.get("type") or {}
    title = declared.get("schemaTitle", "")
    return not (title or declared.get("instanceSchema")) or title.startswith("system.")


def run_step(argv: Sequence[str]) -> int:
    """Runs a step; what a person can mend is told without a traceback."""
    try:
        main(argv)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = run_step(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # The work is done and written; C++ destructors at exit sometimes abort.
    os._exit(status)
