"""Compiled pipelines of a few tasks, each of them a line of Python."""

import json
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

PREAMBLE = """
import json, pathlib, sys
given = json.loads(sys.argv[1])
def place(side, name):
    (artifact,) = given[side]["artifacts"][name]["artifacts"]
    uri = artifact["uri"]
    root = [a for a in sys.argv if a.startswith("--mirror_root=")]
    mirrored = root[0].partition("=")[2] + "/" if root else ""
    return pathlib.Path(uri.replace("minio://", mirrored + "minio/"))
def text(name): return (place("inputs", name) / "text").read_text()
def value(name): return given["inputs"]["parameterValues"][name]
def write(name, content):
    place("outputs", name).mkdir(exist_ok=True)
    (place("outputs", name) / "text").write_text(content)
def end(**more):
    pathlib.Path(given["outputs"]["outputFile"]).write_text(json.dumps(more))
"""
ARTIFACT = {"artifactType": {"instanceSchema": "title: tfx.Model\ntype: object\n"}}


def task(
    code: str,
    *,
    inputs: dict[str, tuple[str, str]] | None = None,
    parameters: Json | None = None,
    outputs: tuple[str, ...] = ("out",),
    is_cached: bool = True,
    **more: Any,
) -> Json:
    """One task: its code, where its inputs come from, what it makes."""
    return {
        "code": PREAMBLE + code,
        "inputs": inputs or {},
        "parameters": parameters or {},
        "outputs": outputs,
        "cached": is_cached,
        "more": more,
    }


def spec(tasks: dict[str, Json], parameters: Json | None = None) -> Json:
    """The pipeline, as TFX writes one."""
    found: Json = {
        "schemaVersion": "2.1.0",
        "pipelineInfo": {"name": "small"},
        "components": {},
        "deploymentSpec": {"executors": {}},
        "root": {
            "dag": {"tasks": {}},
            "inputDefinitions": {"parameters": parameters or {}},
        },
    }
    for name, about in tasks.items():
        found["root"]["dag"]["tasks"][name] = _task(name, about)
        found["components"][name] = {
            "executorLabel": f"{name}_executor",
            "outputDefinitions": {
                "artifacts": dict.fromkeys(about["outputs"], ARTIFACT)
            },
        }
        found["deploymentSpec"]["executors"][f"{name}_executor"] = {
            "container": {
                "image": "image:1",
                "command": ["python", "-c", about["code"]],
                "args": ["{{$}}"],
            }
        }
    return found


def _task(name: str, about: Json) -> Json:
    made = {
        key: {"taskOutputArtifact": {"producerTask": p, "outputArtifactKey": o}}
        for key, (p, o) in about["inputs"].items()
    }
    inputs = {"artifacts": made, "parameters": about["parameters"]}
    cached = {"cachingOptions": {"enableCache": True}} if about["cached"] else {}
    return {
        "componentRef": {"name": name},
        "taskInfo": {"name": name},
        "inputs": inputs,
        **cached,
        **about["more"],
    }


def write(path: Path, content: Json, platforms: Json | None = None) -> Path:
    """Writes `.yaml`, or the job in `.json`."""
    if path.suffix == ".json":
        path.write_text(json.dumps({"pipelineSpec": content, "runtimeConfig": {}}))
    else:
        path.write_text(yaml.safe_dump_all([content, *([platforms] * bool(platforms))]))
    return path
