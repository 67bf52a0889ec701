"""The pipeline as one file: for Kubeflow Pipelines (`.yaml`) or Vertex AI (`.json`)."""

import dataclasses
import itertools
import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from tfx import v1 as tfx

from pipeline.errors import SettingError
from pipeline.kubeflow.resources import StepResources
from pipeline.kubeflow.target import NOT_MOUNTED, Target, is_remote
from pipeline.kubeflow.volume_claim import VolumeClaim

ENTRYPOINT = ("python", "-P", "-m", "pipeline.kubeflow.entrypoint")
"""What runs in every step, instead of TFX's own, which open-source Kubeflow breaks."""

_NODE_ID = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
_INPUT_BASE = "input_base"  # The parameter that tells file-based ExampleGens.
_OUTSIDE = frozenset((_INPUT_BASE, "data", "serving_dir"))
"""Parameters that name a place whose content changes under the same name."""
_RETRIES = 2


def compile_pipeline(
    pipeline: tfx.dsl.Pipeline,
    output_path: Path,
    *,
    image: str,
    volumes: Sequence[VolumeClaim] = (),
    resources: StepResources | None = None,
) -> None:
    """Writes the compiled pipeline, whole or not at all.

    Args:
        pipeline: What `create_pipeline` gives.
        output_path: `.yaml` for Kubeflow Pipelines, `.json` for Vertex AI.
        image: Container image of every step, with this project installed; by tag or
            digest.
        volumes: What every step mounts; Kubeflow only.
        resources: What every step is given, if not the usual.

    Raises:
        SettingError: The target could not run this pipeline; nothing is written.
    """
    info, resources = pipeline.pipeline_info, resources or StepResources()
    target = Target(
        output_path=output_path,
        name=info.pipeline_name,
        image=image,
        pipeline_root=info.pipeline_root,
        volumes=volumes,
    )
    problems = [
        *target.problems(),
        *_problems_of_nodes(pipeline, target),
        *_problems_of_resources(pipeline, resources),
    ]
    if problems:
        raise SettingError("\n".join(problems))
    output_path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output_path.parent) as scratch_dir:
        scratch_path = Path(scratch_dir) / output_path.name
        _runner(image, scratch_path).run(pipeline)
        mender = _Mender(_defaults(pipeline), resources)
        if target.is_kubeflow:
            _complete(scratch_path, info.pipeline_root, volumes, mender)
        else:
            _complete_job(scratch_path, mender)
        os.replace(scratch_path, output_path)


def _runner(
    image: str, output_path: Path
) -> tfx.orchestration.experimental.KubeflowV2DagRunner:
    config = tfx.orchestration.experimental.KubeflowV2DagRunnerConfig(
        default_image=image,
        default_commands=list(ENTRYPOINT),
        # Kubeflow takes nothing else, and the entry point needs what it adds.
        use_pipeline_spec_2_1=True,
    )
    return tfx.orchestration.experimental.KubeflowV2DagRunner(
        config, output_dir=str(output_path.parent), output_filename=output_path.name
    )


def _defaults(pipeline: tfx.dsl.Pipeline) -> dict[str, Any]:
    """Finds the runtime parameters of all nodes."""
    return {
        value.name: value.default
        for node in pipeline.components
        for value in node.exec_properties.values()
        if isinstance(value, tfx.dsl.experimental.RuntimeParameter)
    }


def _complete(
    path: Path,
    pipeline_root: str,
    volumes: Sequence[VolumeClaim],
    mender: "_Mender",
) -> None:
    """Makes TFX's file one that open-source Kubeflow runs as it was meant."""
    text = path.read_text()
    comments = itertools.takewhile(
        lambda line: line.startswith("#"), text.splitlines(keepends=True)
    )
    spec = yaml.safe_load(text)
    if is_remote(pipeline_root):
        spec["defaultPipelineRoot"] = pipeline_root
    mender.mend(spec)
    documents = [spec, _platforms(spec, volumes)] if volumes else [spec]
    path.write_text("".join(comments) + yaml.dump_all(documents, Dumper=_Dumper))


def _complete_job(path: Path, mender: "_Mender") -> None:
    """The same for Vertex AI, whose file is a job around the pipeline."""
    job = json.loads(path.read_text())
    mender.mend(job["pipelineSpec"])
    path.write_text(json.dumps(job, indent=2, sort_keys=True))


@dataclasses.dataclass(frozen=True)
class _Mender:
    """Gives a spec what TFX leaves out: `defaults` of parameters, and `resources`."""

    defaults: Mapping[str, Any]
    resources: StepResources

    def mend(self, spec: dict[str, Any]) -> None:
        declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        for name, default in self.defaults.items():
            declared[name] |= {"defaultValue": default, "isOptional": True}
        for name, task in spec["root"]["dag"]["tasks"].items():
            component = spec["components"][task["componentRef"]["name"]]
            executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
            self._mend_task(task, component)
            if "container" in executor:
                resources = self.resources.of(name).as_spec()
                executor["container"]["resources"] = resources

    def _mend_task(self, task: dict[str, Any], component: dict[str, Any]) -> None:
        given = task.get("inputs", {}).get("parameters", {}).keys()
        # No step comes from the cache that reads, or writes, what it does not own.
        if _OUTSIDE & given:
            task.pop("cachingOptions", None)
        wanted = component.get("inputDefinitions", {}).get("parameters", {})
        for name in wanted.keys() - given:
            wanted[name]["isOptional"] = True
        # A node that goes away takes its steps with it; each begins anew, and the
        # Trainer with its last full epoch.
        task["retryPolicy"] = {
            "maxRetryCount": _RETRIES,
            "backoffDuration": "30s",
            "backoffFactor": 2.0,
            "backoffMaxDuration": "600s",
        }


def _platforms(spec: dict[str, Any], volumes: Sequence[VolumeClaim]) -> dict[str, Any]:
    """Makes the second document of a Kubeflow file."""
    mounts = [_mount(volume) for volume in volumes]
    executors = {
        label: {"pvcMount": mounts}
        for label, executor in spec["deploymentSpec"]["executors"].items()
        if "container" in executor
    }
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Always: the same mounts under every executor are to be read, not chased."""
        return True


def _mount(volume: VolumeClaim) -> dict[str, Any]:
    return {
        "mountPath": volume.mount_path,
        "pvcNameParameter": {"runtimeValue": {"constant": volume.name}},
        # What backends before 2.14 read.
        "constant": volume.name,
    }


def _problems_of_nodes(pipeline: tfx.dsl.Pipeline, target: Target) -> Iterator[str]:
    for node in pipeline.components:
        if not _NODE_ID.fullmatch(node.id):
            yield (
                f"The node's id is {node.id!r}; task names are letters, digits and "
                "dashes. Set another with .with_id()."
            )
    if target.is_kubeflow:
        yield from _problems_on_kubeflow(pipeline)


def _problems_of_resources(
    pipeline: tfx.dsl.Pipeline, resources: StepResources
) -> Iterator[str]:
    known = {node.id for node in pipeline.components}
    for node in resources.by_node.keys() - known:
        yield (
            f"There are resources for {node}, which is no node of this pipeline; it "
            f"has {', '.join(sorted(known))}."
        )


def _problems_on_kubeflow(pipeline: tfx.dsl.Pipeline) -> Iterator[str]:
    for node in pipeline.components:
        if isinstance(node, tfx.dsl.Resolver):
            yield (
                f"{node.id} is a Resolver, which open-source Kubeflow does not "
                "implement: build the pipeline without it."
            )
        for key, value in node.exec_properties.items():
            if isinstance(value, str) and any(uri in value for uri in NOT_MOUNTED):
                yield (
                    f"{node.id} has {key} = {value}: TensorFlow reads neither S3 nor "
                    "MinIO. Use gs://, or a path on a mounted volume claim."
                )
