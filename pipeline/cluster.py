"""Which hosts train together, as the environment of each says."""

import dataclasses
import json
import re
from collections.abc import Mapping
from typing import Any

from model.settings import quoted
from pipeline.errors import SettingError

TF_CONFIG = "TF_CONFIG"
"""TensorFlow's own; the operators of Kubeflow set it, and it goes before."""
INDEX = "JOB_COMPLETION_INDEX"
"""Kubernetes sets it in each pod of an Indexed Job."""
COUNT, JOB, SERVICE, PORT = "NUM_WORKERS", "JOB_NAME", "WORKER_SERVICE", "WORKER_PORT"
VARIABLES = (TF_CONFIG, INDEX, COUNT, JOB, SERVICE, PORT)

DEFAULT_PORT = 2222
_MOST_WORKERS = 1024
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ROLES = ("chief", "worker")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cluster:
    """All hosts as `host:port`, of which the first writes, and which one this is."""

    workers: tuple[str, ...]
    index: int

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "Cluster | None":
        """Finds the hosts; None where this one is alone.

        With `TF_CONFIG` its `chief` and `worker`; otherwise `NUM_WORKERS` pods of the
        Indexed Job `JOB_NAME`, found through the headless service `WORKER_SERVICE`.

        Raises:
            SettingError: The variables contradict each other or lack something.
        """
        if variables.get(TF_CONFIG):
            found = _of_tf_config(variables[TF_CONFIG])
        elif COUNT in variables:
            found = _of_indexed_job(variables)
        else:
            return None
        return found if len(found.workers) > 1 else None


def _of_tf_config(text: str) -> Cluster:
    try:
        config = json.loads(text)
        hosts, task = config["cluster"], config["task"]
        role, index = task["type"], int(task["index"])
        own = hosts[role][index]
        workers = tuple(each for name in _ROLES for each in hosts.get(name, ()))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise SettingError(
            f"{TF_CONFIG} is {quoted(text)}, which names no cluster with this host in "
            f"it ({type(error).__name__}). It reads "
            '{"cluster": {"worker": ["HOST:PORT", …]}, "task": {"type": "worker", '
            '"index": 0}}.'
        ) from None
    others = sorted(hosts.keys() - set(_ROLES))
    if others or role not in _ROLES:
        raise SettingError(
            f"{TF_CONFIG} has the role {quoted((others or [role])[0])}; every host "
            "trains here: allowed are worker, and one chief."
        )
    return Cluster(workers=workers, index=workers.index(own))


def _of_indexed_job(variables: Mapping[str, Any]) -> Cluster:
    count = _number(variables, COUNT, least=1, most=_MOST_WORKERS)
    port = DEFAULT_PORT
    if PORT in variables:
        port = _number(variables, PORT, least=1, most=65_535)
    if count == 1:
        return Cluster(workers=(f"localhost:{port}",), index=0)
    index = _number(variables, INDEX, least=0, most=count - 1)
    job, service = _name(variables, JOB), _name(variables, SERVICE)
    workers = tuple(f"{job}-{n}.{service}:{port}" for n in range(count))
    return Cluster(workers=workers, index=index)


def _number(variables: Mapping[str, str], name: str, *, least: int, most: int) -> int:
    text = variables.get(name, "")
    if re.fullmatch(r"\d{1,9}", text, re.ASCII) and least <= int(text) <= most:
        return int(text)
    told = quoted(text) if text else "not set"
    hint = " Is this a pod of an Indexed Job?" if name == INDEX else ""
    raise SettingError(
        f"The variable {name} is {told}; allowed: a whole number, {least} to "
        f"{most}.{hint}"
    )


def _name(variables: Mapping[str, str], name: str) -> str:
    text = variables.get(name, "")
    if _LABEL.fullmatch(text):
        return text
    told = quoted(text) if text else "not set"
    raise SettingError(
        f"The variable {name} is {told}; it names the "
        f"{'Indexed Job' if name == JOB else 'headless service'} of the workers: "
        "lower-case letters, digits and dashes."
    )
