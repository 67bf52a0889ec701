"""Steps of a compiled pipeline, run as open-source Kubeflow runs them, without it.

What the backend does to a step, as read in its release 2.17: artifacts live on an
object store that the launcher mirrors below a local folder; inputs come without their
type and with two properties of the store; every step gets one more output; nobody runs
ExampleGen's driver; what a step writes to its output file is merged over what was asked
of it.
"""

import dataclasses
import json
import pathlib
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import yaml

Json = dict[str, Any]
Launch = Callable[[Sequence[str]], None]
ROOT_URI = "minio://mlpipeline/v2/artifacts/run"
_PLACEHOLDER = "{{$}}"
_LOGS = {
    "type": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"},
    "uri": f"{ROOT_URI}/executor-logs",
}


def in_a_process(command: Sequence[str]) -> None:
    """Runs the step's container command with this interpreter."""
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True)


@dataclasses.dataclass
class KfpBackend:
    """Runs single tasks of a pipeline file, keeping what they made.

    `artifacts` maps (task, output) to what the metadata store would hold.
    """

    spec: Json
    work_dir: pathlib.Path
    launch: Launch = in_a_process
    artifacts: dict[tuple[str, str], Json] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls, path: pathlib.Path, work_dir: pathlib.Path, **settings: Any
    ) -> "KfpBackend":
        """Loads the first document of a compiled file."""
        return cls(next(yaml.safe_load_all(path.read_text())), work_dir, **settings)

    @property
    def mirror(self) -> pathlib.Path:
        """Where the launcher mirrors the store."""
        return self.work_dir / "mirror"

    def run(self, task: str) -> None:
        """Runs one task whose inputs have been made."""
        executor_input = self.executor_input(task)
        container = self._container(task)
        text = json.dumps(executor_input)
        arguments = [
            text if each == _PLACEHOLDER else each for each in container["args"]
        ]
        command = [*container["command"], *arguments, f"--mirror_root={self.mirror}"]
        self.launch(command)
        self._publish(task, executor_input)

    def executor_input(self, task: str) -> Json:
        """What the driver hands to the launcher."""
        inputs = self._task(task).get("inputs", {})
        parameters = {
            name: given["runtimeValue"]["constant"]
            for name, given in inputs.get("parameters", {}).items()
        }
        artifacts = {
            name: {"artifacts": [self._input(given["taskOutputArtifact"])]}
            for name, given in inputs.get("artifacts", {}).items()
        }
        return {
            "inputs": {"parameterValues": parameters, "artifacts": artifacts},
            "outputs": {
                "artifacts": self._outputs(task),
                "outputFile": str(self.work_dir / task / "output_metadata.json"),
            },
        }

    def _input(self, source: Json) -> Json:
        key = (source["producerTask"], source["outputArtifactKey"])
        stored = self.artifacts[key]
        from_store = {"display_name": key[1], "store_session_info": "{}"}
        metadata = {**stored.get("metadata", {}), **from_store}
        return {
            "name": "/".join(key),
            "type": {"instanceSchema": ""},
            "uri": stored["uri"],
            "metadata": metadata,
        }

    def _outputs(self, task: str) -> Json:
        component = self.spec["components"][self._task(task)["componentRef"]["name"]]
        declared = component["outputDefinitions"]["artifacts"]
        outputs = {
            name: {
                "name": name,
                "type": given["artifactType"],
                "uri": f"{ROOT_URI}/{task}/{name}",
                "metadata": {"display_name": name},
            }
            for name, given in declared.items()
        }
        outputs["executor-logs"] = _LOGS
        return {name: {"artifacts": [output]} for name, output in outputs.items()}

    def _publish(self, task: str, executor_input: Json) -> None:
        made = json.loads(
            pathlib.Path(executor_input["outputs"]["outputFile"]).read_text()
        )
        for name, asked in executor_input["outputs"]["artifacts"].items():
            answers = made.get("artifacts", {}).get(name, {}).get("artifacts", [{}])
            self.artifacts[task, name] = {**asked["artifacts"][0], **answers[0]}

    def _task(self, task: str) -> Json:
        return self.spec["root"]["dag"]["tasks"][task]

    def _container(self, task: str) -> Json:
        component = self.spec["components"][self._task(task)["componentRef"]["name"]]
        executors = self.spec["deploymentSpec"]["executors"]
        return executors[component["executorLabel"]]["container"]
