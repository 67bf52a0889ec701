"""Which tasks have run before with the same inputs."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.atomic_write import write_whole
from pipeline.spec_run.compiled import Json, Task


@dataclasses.dataclass(frozen=True)
class TaskCache:
    """What tasks published, by the fingerprint of all that they depend on."""

    folder: Path

    def key(self, task: Task, executor_input: Json, keys: Mapping[str, str]) -> str:
        """Hashes executor, parameters, and the keys of what made the inputs."""
        parts = {
            "executor": task.executor,
            "outputs": task.outputs,
            "parameters": executor_input["inputs"]["parameterValues"],
            "artifacts": {
                name: [keys[source["producerTask"]], source["outputArtifactKey"]]
                for name, source in task.artifacts.items()
            },
        }
        text = json.dumps(parts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def find(self, key: str) -> Json | None:
        """Reads what was published under a key, if its files are still there."""
        try:
            entry = json.loads((self.folder / f"{key}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        are_there = all(Path(place).exists() for place in entry["places"])
        return entry["made"] if are_there else None

    def keep(self, key: str, made: Json, places: list[Path]) -> None:
        """Notes what was published, and where its files are on this machine."""
        self.folder.mkdir(parents=True, exist_ok=True)
        entry = {"made": made, "places": [str(place) for place in places]}
        write_whole(self.folder / f"{key}.json", json.dumps(entry))
