"""A compiled pipeline as a runner reads it: tasks, what they need, what runs them."""

import dataclasses
import graphlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from model.settings import quoted
from pipeline.errors import SettingError
from pipeline.kubeflow.parameters import declared_parameters, typed

Json = dict[str, Any]
_CONTAINER, _IMPORTER = "container", "importer"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One task of the root, with its component and executor."""

    name: str
    task: Json
    component: Json
    executor: Json

    @property
    def parameters(self) -> Mapping[str, Json]:
        """Where each input parameter comes from."""
        return self.task.get("inputs", {}).get("parameters", {})

    @property
    def artifacts(self) -> Mapping[str, Json]:
        """Where each input artifact comes from: a task and its output."""
        return {
            name: source["taskOutputArtifact"]
            for name, source in self.task.get("inputs", {}).get("artifacts", {}).items()
        }

    @property
    def outputs(self) -> Mapping[str, Json]:
        """Output artifact to its declared type."""
        return {
            name: declared["artifactType"]
            for name, declared in self.component.get("outputDefinitions", {})
            .get("artifacts", {})
            .items()
        }

    @property
    def needs(self) -> frozenset[str]:
        """The tasks that must have ended before."""
        producers = (source["producerTask"] for source in self.artifacts.values())
        values = (
            source["taskOutputParameter"]["producerTask"]
            for source in self.parameters.values()
            if "taskOutputParameter" in source
        )
        return frozenset((*self.task.get("dependentTasks", ()), *producers, *values))

    @property
    def is_importer(self) -> bool:
        """Whether it names an artifact that is there already, and runs nothing."""
        return _IMPORTER in self.executor

    @property
    def may_be_cached(self) -> bool:
        """Whether an equal task that has run before may answer for it."""
        return bool(self.task.get("cachingOptions", {}).get("enableCache"))

    @property
    def retries(self) -> int:
        """How often it is tried again."""
        return int(self.task.get("retryPolicy", {}).get("maxRetryCount", 0))


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompiledPipeline:
    """What is in a file; `mounts` maps a claim's name to where steps see it."""

    name: str
    tasks: Mapping[str, Task]
    parameters: Mapping[str, Any]
    """Runtime parameter to its default; None where a run must give it."""
    declared: Mapping[str, Mapping[str, Any]]
    """Runtime parameter to its type."""
    mounts: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> "CompiledPipeline":
        """Reads `.yaml` for Kubeflow, or the job in `.json` for Vertex AI.

        Raises:
            SettingError: it holds something else, or what no runner here can run.
        """
        spec, platforms, given = _documents(path)
        try:
            tasks = {
                name: _task(spec, name, task)
                for name, task in spec["root"]["dag"]["tasks"].items()
            }
            declared = declared_parameters(spec)
            defaults = {
                name: given.get(name, about.get("defaultValue"))
                for name, about in declared.items()
            }
            name = spec["pipelineInfo"]["name"]
        except (KeyError, TypeError, AttributeError) as error:
            raise _no_pipeline(path, f"it has no {error}") from error
        found = cls(
            name=name,
            tasks=tasks,
            parameters=defaults,
            declared=declared,
            mounts=dict(_mounts(platforms)),
        )
        for problem in found._problems():
            raise SettingError(f"{path}: {problem}")
        return found

    def order(self) -> graphlib.TopologicalSorter[str]:
        """Gives the tasks as they become ready; `prepare` has been called."""
        sorter = graphlib.TopologicalSorter(
            {name: task.needs for name, task in self.tasks.items()}
        )
        sorter.prepare()
        return sorter

    def up_to(self, names: Collection[str]) -> "CompiledPipeline":
        """Gives the part that these tasks and all that they need make.

        Raises:
            SettingError: there is no such task.
        """
        wanted, waiting = set[str](), list(names)
        while waiting:
            name = waiting.pop()
            if name not in self.tasks:
                allowed = ", ".join(sorted(self.tasks))
                raise SettingError(
                    f"The pipeline has no task {quoted(name)}; it has {allowed}."
                )
            if name not in wanted:
                wanted.add(name)
                waiting += self.tasks[name].needs
        tasks = {name: task for name, task in self.tasks.items() if name in wanted}
        return dataclasses.replace(self, tasks=tasks)

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """Completes what a run gives with the defaults.

        Raises:
            SettingError: a name is unknown, its value has another type, or one without
                a default is missing.
        """
        values = {**self.parameters, **typed(self.declared, given)}
        missing = [name for name, value in values.items() if value is None]
        if missing:
            raise SettingError(
                f"The pipeline's parameters {', '.join(missing)} have no default; give "
                "each with --parameter NAME=VALUE."
            )
        return values

    def _problems(self) -> Iterator[str]:
        for task in self.tasks.values():
            kinds = task.executor.keys() & {_CONTAINER, _IMPORTER}
            if not kinds:
                kind = next(iter(task.executor), "nothing")
                yield (
                    f"the task {task.name} is run by a {kind}, which open-source "
                    "Kubeflow does not implement either; allowed: containers and "
                    "importers. Build the pipeline without it."
                )
            for need in task.needs - self.tasks.keys():
                yield f"the task {task.name} needs {quoted(need)}, which is no task."
        try:
            self.order()
        except graphlib.CycleError as error:
            yield f"its tasks wait for each other in a circle: {error.args[1]}."


def _documents(path: Path) -> tuple[Json, Json, Mapping[str, Any]]:
    """Gives pipeline, platforms, and parameters that the file itself gives."""
    try:
        text = path.read_text("utf-8")
        documents = list(yaml.load_all(text, Loader=yaml.CSafeLoader))  # JSON, too.
    except OSError as error:
        raise SettingError(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _no_pipeline(path, str(error).partition("\n")[0]) from error
    if not documents or not isinstance(documents[0], dict):
        raise _no_pipeline(path, "it holds no object")
    first, *others = documents
    platforms = others[0] if others and isinstance(others[0], dict) else {}
    if "pipelineSpec" not in first:
        return first, platforms, {}
    runtime = first.get("runtimeConfig", {})
    return first["pipelineSpec"], platforms, _plain(runtime)


def _plain(runtime: Json) -> dict[str, Any]:
    """Reads the parameters of a job, in the old form and in the new."""
    old = {
        name: next(iter(value.values()))
        for name, value in runtime.get("parameters", {}).items()
    }
    return {**old, **runtime.get("parameterValues", {})}


def _task(spec: Json, name: str, task: Json) -> Task:
    component = spec["components"][task["componentRef"]["name"]]
    executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
    return Task(name=name, task=task, component=component, executor=executor)


def _mounts(platforms: Json) -> Iterator[tuple[str, str]]:
    executors = (
        platforms.get("platforms", {})
        .get("kubernetes", {})
        .get("deploymentSpec", {})
        .get("executors", {})
    )
    for executor in executors.values():
        for mount in executor.get("pvcMount", ()):
            yield mount["constant"], mount["mountPath"]


def _no_pipeline(path: Path, reason: str) -> SettingError:
    return SettingError(
        f"{path} is no compiled pipeline: {reason}. Write one with: ktp compile."
    )


def container_of(task: Task) -> tuple[str, Sequence[str], Sequence[str]]:
    """Gives image, command and arguments of a task."""
    container = task.executor[_CONTAINER]
    return container["image"], container.get("command", ()), container.get("args", ())


def imported(task: Task) -> tuple[str, Json, Json]:
    """Gives URI, type and metadata of what an importer names.

    The URI may be `{"runtimeParameter": NAME}` or `{"constant": URI}`.
    """
    importer = task.executor[_IMPORTER]
    return (
        json.dumps(importer["artifactUri"]),
        importer["typeSchema"],
        importer.get("metadata", {}),
    )
