"""What an orchestrator hands to a task, and what it reads of what the task made.

Two orchestrators, which differ where it hurts (read in Kubeflow's backend 2.17 and
TFX 1.21): open-source Kubeflow keeps artifacts in an object store that its launcher
mirrors below a folder, forgets the types of inputs, adds two properties of its store
and one more output, and makes only the parent of an output's folder. Vertex AI gives
typed artifacts at plain places.
"""

import dataclasses
import enum
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import RunError
from pipeline.spec_run.compiled import Json, Task, imported

_LOGS_OUTPUT = "executor-logs"
_STORE = "minio://mlpipeline/v2/artifacts"
_MIRRORED = "minio/mlpipeline/v2/artifacts"


class Mode(enum.StrEnum):
    """Whose inputs a task is given."""

    KUBEFLOW = "kubeflow"
    VERTEX = "vertex"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Launcher:
    """Makes inputs and reads outputs, for one run.

    Everything lies below `root`; a container sees that folder at `seen_root`.
    """

    mode: Mode
    run_name: str
    root: Path
    seen_root: Path
    parameters: Mapping[str, Any]

    @property
    def mirror(self) -> Path:
        """Where the store is mirrored, as a task sees it."""
        return self.seen_root / "mirror"

    def executor_input(self, task: Task, made: Mapping[str, Json]) -> Json:
        """What a task is told.

        Args:
            task: whose inputs have been made.
            made: task to what it published: `artifacts` and `parameters`.
        """
        return {
            "inputs": {
                "parameterValues": {
                    name: self._value(source, made)
                    for name, source in task.parameters.items()
                },
                "artifacts": {
                    name: {"artifacts": [self._input(source, made)]}
                    for name, source in task.artifacts.items()
                },
            },
            "outputs": {
                "artifacts": {
                    name: {"artifacts": [output]}
                    for name, output in self._outputs(task).items()
                },
                "outputFile": str(self._task_dir(task, seen=True) / "output.json"),
            },
        }

    def prepare(self, task: Task) -> None:
        """Makes the folders that a launcher makes, and no more; forgets old output."""
        folder = self._task_dir(task)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "output.json").unlink(missing_ok=True)
        for name in task.outputs:
            self._place(task, name).parent.mkdir(parents=True, exist_ok=True)

    def published(self, task: Task, executor_input: Json) -> Json:
        """Reads what a task made, merged over what was asked of it.

        Raises:
            RunError: it said nothing.
        """
        path = self._task_dir(task) / "output.json"
        try:
            answer = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(
                f"{task.name} ended and wrote no output file {path}."
            ) from error
        artifacts = {}
        for name, asked in executor_input["outputs"]["artifacts"].items():
            told = answer.get("artifacts", {}).get(name, {}).get("artifacts") or [{}]
            artifacts[name] = {**asked["artifacts"][0], **told[0]}
        artifacts.pop(_LOGS_OUTPUT, None)
        return {
            "artifacts": artifacts,
            "parameters": answer.get("parameterValues", {}),
        }

    def imported(self, task: Task) -> Json:
        """What an importer publishes."""
        place, type_schema, metadata = imported(task)
        source = json.loads(place)
        uri = source.get("constant")
        if uri is None:
            uri = self.parameters[source["runtimeParameter"]]
        (name,) = task.outputs
        artifact = {"uri": uri, "type": type_schema, "metadata": metadata}
        return {"artifacts": {name: artifact}, "parameters": {}}

    def places(self, task: Task) -> list[Path]:
        """Where the outputs of a task lie on this machine."""
        return [self._place(task, name) for name in sorted(task.outputs)]

    def log_path(self, task: Task) -> Path:
        """Where the two streams of a task go."""
        return self._task_dir(task) / "log.txt"

    def _value(self, source: Json, made: Mapping[str, Json]) -> Any:
        if "componentInputParameter" in source:
            return self.parameters[source["componentInputParameter"]]
        if "taskOutputParameter" in source:
            output = source["taskOutputParameter"]
            return made[output["producerTask"]]["parameters"][
                output["outputParameterKey"]
            ]
        value = source["runtimeValue"]
        if "runtimeParameter" in value:
            return self.parameters[value["runtimeParameter"]]
        constant = value.get("constant", value.get("constantValue"))
        # Spec 2.0 has a message with the type in its key.
        return next(iter(constant.values())) if isinstance(constant, dict) else constant

    def _input(self, source: Json, made: Mapping[str, Json]) -> Json:
        output, producer = source["outputArtifactKey"], source["producerTask"]
        stored = made[producer]["artifacts"][output]
        if self.mode is Mode.VERTEX:
            return stored
        from_store = {"display_name": output, "store_session_info": "{}"}
        return {
            "name": f"{producer}/{output}",
            "type": {"instanceSchema": ""},
            "uri": stored["uri"],
            "metadata": {**stored.get("metadata", {}), **from_store},
        }

    def _outputs(self, task: Task) -> Json:
        outputs: Json = {
            name: {
                "name": name,
                "type": declared,
                "uri": self._uri(task, name),
                "metadata": {},
            }
            for name, declared in task.outputs.items()
        }
        if self.mode is Mode.KUBEFLOW:
            for name, output in outputs.items():
                output["metadata"] = {"display_name": name}
            outputs[_LOGS_OUTPUT] = {
                "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"},
                "uri": self._uri(task, _LOGS_OUTPUT),
            }
        return outputs

    def _uri(self, task: Task, output: str) -> str:
        below = f"{self.run_name}/{task.name}/{output}"
        if self.mode is Mode.KUBEFLOW:
            return f"{_STORE}/{below}"
        return str(self.seen_root / "artifacts" / below)

    def _place(self, task: Task, output: str) -> Path:
        """Where an output lies on this machine."""
        below = Path(self.run_name, task.name, output)
        if self.mode is Mode.KUBEFLOW:
            return self.root / "mirror" / _MIRRORED / below
        return self.root / "artifacts" / below

    def _task_dir(self, task: Task, *, seen: bool = False) -> Path:
        root = self.seen_root if seen else self.root
        return root / "tasks" / self.run_name / task.name
