"""Is this file a pipeline for open-source Kubeflow? If not, what is it?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from model.settings import quoted
from pipeline.errors import SubmitError
from serving.text_files.shown import named

SCHEMA_VERSION = "2.1.0"
"""The only one that the servers take."""

_ACCEPTED = (".yaml", ".yml")
_PARTS = ("pipelineInfo", "deploymentSpec", "root")
# Ours has 60 kB. Kubeflow keeps a run in one database row and one Kubernetes object.
_MOST_BYTES = 8 * 1024 * 1024
_COMPILE = "Write one with: ktp compile --output pipeline.yaml"


def check_spec(path: Path) -> Mapping[str, Any]:
    """Gives the one compiled pipeline that the file holds.

    Raises:
        SubmitError: It does not; the message says what it is instead.
    """
    problem = _name_problem(path) or _size_problem(path)
    documents = [] if problem else _documents(path)
    if documents:
        problem = _pipeline_problem(documents[0]) or _second_problem(documents[1:])
    if problem:
        raise SubmitError(f"{named(path)} {problem}")
    return documents[0]


def _name_problem(path: Path) -> str:
    if path.suffix == ".json":
        return (
            "is for Vertex AI. Compile to a .yaml file for Kubeflow Pipelines, or "
            "submit this one to Vertex AI, with --project and --location."
        )
    if path.suffix not in _ACCEPTED:
        return f"is not a compiled pipeline: it must end in .yaml. {_COMPILE}."
    return ""


def _size_problem(path: Path) -> str:
    try:
        if not path.is_file():
            kind = "is not a file" if path.exists() else "does not exist"
            return f"{kind}. {_COMPILE}."
        size_bytes = path.stat().st_size
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if size_bytes > _MOST_BYTES:
        return (
            f"has {size_bytes / 2**20:,.0f} MiB; a compiled pipeline has less than "
            f"{_MOST_BYTES // 2**20}. Is it the right file?"
        )
    return ""


def _documents(path: Path) -> list[Any]:
    """Reads every document of the file; None where there is none."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = path.read_bytes()
        content.decode()  # YAML may be UTF-16, and kfp takes UTF-8 only.
        return list(yaml.load_all(content, Loader=loader)) or [None]
    except OSError as error:
        raise SubmitError(f"{named(path)} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}" if mark else ""
        raise SubmitError(
            f"{named(path)} is no YAML{place}: {error.problem or error.context}. "
            f"{_COMPILE}."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        # Among them a byte that is no UTF-8, a date such as 2024-99-99, deep nesting.
        reason = quoted(str(error).strip().split("\n")[0])
        raise SubmitError(f"{named(path)} is no YAML: {reason}. {_COMPILE}.") from None


def _pipeline_problem(document: Any) -> str:
    if document is None:
        return f"is empty. {_COMPILE}."
    if not isinstance(document, Mapping):
        kind = "a list" if isinstance(document, list) else "one value"
        return f"holds {kind}, not a compiled pipeline. {_COMPILE}."
    if "schemaVersion" not in document:
        return f"holds {_what_it_is(document)}, not a compiled pipeline. {_COMPILE}."
    version = document["schemaVersion"]
    if version != SCHEMA_VERSION:
        return (
            f"has schemaVersion {quoted(version)}; Kubeflow Pipelines takes "
            f"{SCHEMA_VERSION}. Compile it anew with `ktp compile`, or with kfp 2."
        )
    missing = [p for p in _PARTS if not isinstance(document.get(p), Mapping)]
    if missing:
        return f"is a compiled pipeline without {', '.join(missing)}. {_COMPILE}."
    return ""


def _second_problem(others: list[Any]) -> str:
    """Volumes and the like may stand in a second document, and nothing after it."""
    if not others:
        return ""
    if len(others) > 1:
        return (
            f"holds {1 + len(others)} documents; a compiled pipeline is one, and may "
            "have a second one with its platforms. Submit one pipeline at a time."
        )
    if not isinstance(others[0], Mapping) or "platforms" not in others[0]:
        return (
            "holds a second document that is not the pipeline's `platforms`. Submit "
            "one pipeline at a time."
        )
    return ""


def _what_it_is(document: Mapping[Any, Any]) -> str:
    kind, version = document.get("kind"), document.get("apiVersion")
    if isinstance(kind, str) and isinstance(version, str):
        return f"a Kubernetes object, {quoted(kind)} of {quoted(version)}"
    if "pipelineSpec" in document:
        return "a job for Vertex AI"
    if "platforms" in document:
        return "the platforms of a pipeline without the pipeline"
    if not document:
        return "nothing"
    keys = ", ".join(quoted(key) for key in list(document)[:3])
    return f"something with the keys {keys}"
