"""TextExampleGen: ExampleGen for a person's own file, with the rules of a local run.

The first step of a compiled pipeline. What `ktp run` does before any node starts, it
does on the cluster: it reads, checks and splits the rows, and hands them to TFX's
ImportExampleGen. So the same file gives the same examples in the same order.
"""

import dataclasses
import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tfx import types
from tfx import v1 as tfx
from tfx.components.example_gen.import_example_gen import executor as import_executor
from tfx.dsl.components.base import (
    base_beam_component,
    base_beam_executor,
    executor_spec,
)
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, component_spec, standard_component_specs
from tfx.utils import proto_utils

from model import contract
from pipeline.data import tfrecords
from pipeline.data.dataset import Dataset
from pipeline.labelled.fetched import fetched
from pipeline.labelled.rules import DataRules

_DATA, _UNLABELLED, _RULES, _CODE = "data", "unlabelled", "rules", "code_fingerprint"
_EXAMPLES = standard_component_specs.EXAMPLES_KEY
_SHA256 = "data_sha256"

_logger = logging.getLogger(__name__)


def splits_of(names: Iterable[str]) -> tfx.proto.Input:
    """Names the files that `pipeline.data.tfrecords` writes."""
    return tfx.proto.Input(
        splits=[
            tfx.proto.Input.Split(name=split, pattern=f"{split}.tfrecord")
            for split in names
        ]
    )


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads the data, then lets ImportExampleGen write it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        with tempfile.TemporaryDirectory(prefix="data-") as scratch:
            folder = Path(scratch)
            dataset = _read(exec_properties, folder)
            _tell(dataset)
            root = tfrecords.write(dataset, folder / "rows")
            names = [path.stem for path in sorted(root.iterdir())]
            properties = {
                standard_component_specs.INPUT_BASE_KEY: str(root),
                standard_component_specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(
                    splits_of(_in_order(names))
                ),
                standard_component_specs.OUTPUT_CONFIG_KEY: proto_utils.proto_to_json(
                    tfx.proto.Output()
                ),
                standard_component_specs.OUTPUT_DATA_FORMAT_KEY: (
                    example_gen_pb2.FORMAT_TF_EXAMPLE
                ),
                standard_component_specs.OUTPUT_FILE_FORMAT_KEY: (
                    example_gen_pb2.FORMAT_TFRECORDS_GZIP
                ),
            }
            import_executor.Executor(self._context).Do({}, output_dict, properties)
        examples = artifact_utils.get_single_instance(output_dict[_EXAMPLES])
        examples.set_string_custom_property(_SHA256, dataset.sha256)


class TextExampleGenSpec(component_spec.ComponentSpec):
    """A place of data, one of unlabelled texts or none, and `DataRules`."""

    PARAMETERS = {
        _DATA: component_spec.ExecutionParameter(type=str),
        _UNLABELLED: component_spec.ExecutionParameter(type=str, optional=True),
        _RULES: component_spec.ExecutionParameter(type=str),
        _CODE: component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {
        _EXAMPLES: component_spec.ChannelParameter(
            type=tfx.types.standard_artifacts.Examples
        )
    }


class TextExampleGen(base_beam_component.BaseBeamComponent):
    """Labelled text in a file or a folder, as `Examples` with three splits.

    Args:
        data: path or URI; a runtime parameter of the pipeline, or a constant.
        unlabelled: path or URI of texts for a teacher; empty for none.
        rules: `DataRules` as text.
        code_fingerprint: makes the cache see a change of the code.
    """

    SPEC_CLASS = TextExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        *,
        data: str | tfx.dsl.experimental.RuntimeParameter,
        unlabelled: str | tfx.dsl.experimental.RuntimeParameter = "",
        rules: str,
        code_fingerprint: str,
    ) -> None:
        super().__init__(
            spec=TextExampleGenSpec(
                data=data,
                unlabelled=unlabelled,
                rules=rules,
                code_fingerprint=code_fingerprint,
                examples=types.Channel(type=tfx.types.standard_artifacts.Examples),
            )
        )


def _read(properties: dict[str, Any], folder: Path) -> Dataset:
    rules = DataRules.from_json(properties[_RULES])
    path = fetched(properties[_DATA], folder / "data")
    unlabelled = properties.get(_UNLABELLED) or ""
    others = fetched(unlabelled, folder / "unlabelled") if unlabelled else None
    dataset = rules.load(path, others)
    return dataclasses.replace(dataset, source=properties[_DATA])


def _tell(dataset: Dataset) -> None:
    """Writes into the step's log what a local run shows on the terminal."""
    rows = ", ".join(f"{len(dataset.splits[s]):,} {s}" for s in contract.SPLITS)
    _logger.info("%s: %s rows, %d labels", dataset.source, rows, len(dataset.labels))
    for reason, count in dataset.dropped.items():
        _logger.warning("dropped %d × %s", count, reason.replace("_", " "))
    for note in dataset.notes:
        examples = "; ".join(note.examples[:3])
        _logger.warning("%d × %s: %s", note.count, note.what, examples)


def _in_order(names: list[str]) -> list[str]:
    return [n for n in (*contract.SPLITS, contract.UNLABELLED) if n in names]
