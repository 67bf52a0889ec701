"""What is asked of a person's data, before anything is learnt from it."""

import dataclasses
import json
from pathlib import Path

from model import contract
from model.adaptation.config import AdaptationConfig
from pipeline import fine_tuning
from pipeline.config import EvaluationConfig, ExportConfig, RunConfig
from pipeline.data import ingest, unlabelled
from pipeline.data.config import DataConfig
from pipeline.data.dataset import Dataset


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataRules:
    """The settings of a run that data can contradict; as text, for another process."""

    data: DataConfig
    export: ExportConfig
    adaptation: AdaptationConfig
    evaluation: EvaluationConfig

    @classmethod
    def of(cls, run: RunConfig) -> "DataRules":
        """Takes them from the settings of a run."""
        return cls(
            data=run.data,
            export=run.export,
            adaptation=run.adaptation,
            evaluation=run.evaluation,
        )

    @classmethod
    def from_json(cls, text: str) -> "DataRules":
        """Reads what `to_json` wrote."""
        found = json.loads(text)
        return cls(
            data=DataConfig(**found["data"]),
            export=ExportConfig(**found["export"]),
            adaptation=AdaptationConfig(**found["adaptation"]),
            evaluation=EvaluationConfig(**found["evaluation"]),
        )

    def to_json(self) -> str:
        """Writes all settings; equal ones give equal text."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    def load(self, path: Path, unlabelled_path: Path | None = None) -> Dataset:
        """Reads a file or a folder, and texts for a teacher besides.

        Raises:
            DataError: The data cannot be used.
            SettingError: A setting asks for what the data does not have.
        """
        dataset = ingest.load(path, self.data)
        if unlabelled_path is not None:
            dataset = unlabelled.add(dataset, unlabelled_path, self.data)
        self.export.check_labels(len(dataset.labels))
        fine_tuning.check_words(self.adaptation, dataset.labels)
        self.evaluation.check_labels(dataset.label_counts(contract.VALIDATION))
        return dataset
