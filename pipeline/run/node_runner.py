"""Runs a TFX pipeline on this machine, and says which node it is at.

TFX's LocalDagRunner launches the nodes of the compiled pipeline one by one in silence;
this runner launches the same nodes through the same launcher, with a listener.
"""

import dataclasses
import datetime
import shutil
import time
from pathlib import Path
from typing import Protocol

from ml_metadata import proto as mlmd
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import data_types, launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib
from tfx.proto.orchestration import pipeline_pb2
from tfx.types import artifact

from pipeline.errors import RunError

_UNFINISHED = (
    mlmd.Execution.NEW,
    mlmd.Execution.RUNNING,
)
Artifacts = dict[str, list[artifact.Artifact]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NodeRun:
    """One node that has run; `outputs` maps keys to artifacts."""

    node_id: str
    seconds: float
    cached: bool
    outputs: Artifacts


class Listener(Protocol):
    """Hears of every node."""

    def node_started(self, node_id: str, position: int, total: int) -> None: ...

    def node_finished(self, run: NodeRun) -> None: ...


_REASON_CHARS = 500
"""Some errors list every file they met; the log has all of it."""


class NodeError(RunError):
    """A node failed; `__cause__` is why."""

    def __init__(self, node_id: str, cause: BaseException) -> None:
        reason = str(cause).strip().splitlines() or [type(cause).__name__]
        super().__init__(f"{node_id} failed: {reason[0][:_REASON_CHARS]}")
        self.node_id = node_id


def run_pipeline(
    pipeline: tfx_pipeline.Pipeline, listener: Listener
) -> dict[str, NodeRun]:
    """Runs every node in topological order, or takes its result from the cache.

    Returns:
        What ran, by node id.

    Raises:
        NodeError: A node failed. What earlier nodes made stays in the cache.
    """
    compiled = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        compiled,
        {constants.PIPELINE_RUN_ID_PARAMETER_NAME: datetime.datetime.now().isoformat()},
    )
    _forget_unfinished(compiled, Path(pipeline.pipeline_info.pipeline_root))
    runs: dict[str, NodeRun] = {}
    for position, node in enumerate(compiled.nodes, 1):
        node_id = node.pipeline_node.node_info.id
        listener.node_started(node_id, position, len(compiled.nodes))
        runs[node_id] = _run_node(compiled, node.pipeline_node)
        listener.node_finished(runs[node_id])
    return runs


def _forget_unfinished(compiled: pipeline_pb2.Pipeline, root: Path) -> None:
    """Removes what nodes of a killed run left half-made; nobody is at work here."""
    with _metadata(compiled) as handle:
        left = [
            execution
            for execution in handle.store.get_executions()
            if execution.last_known_state in _UNFINISHED
        ]
        for execution in left:
            for node in compiled.nodes:
                _remove_outputs(root / node.pipeline_node.node_info.id, execution.id)
            execution.last_known_state = mlmd.Execution.CANCELED
        handle.store.put_executions(left)


def _remove_outputs(node_dir: Path, execution_id: int) -> None:
    """TFX writes to `<node>/<output>/<execution>`; scratch is two folders deeper."""
    for pattern in (f"*/{execution_id}", f".system/*/{execution_id}"):
        for folder in node_dir.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def _run_node(
    compiled: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode
) -> NodeRun:
    node_id = node.node_info.id
    started = time.monotonic()
    store = _metadata(compiled)
    try:
        info = _launcher(compiled, node, store).launch()
    except Exception as error:
        raise NodeError(node_id, error) from error
    if info is None or not (info.output_dict or _is_resolver(node)):
        # The launcher publishes what went wrong before an executor, and returns.
        raise NodeError(node_id, RuntimeError("its inputs could not be prepared"))
    return NodeRun(
        node_id=node_id,
        seconds=time.monotonic() - started,
        cached=_is_cached(node, info),
        outputs=_outputs(node, info, store),
    )


def _outputs(
    node: pipeline_pb2.PipelineNode,
    info: data_types.ExecutionInfo,
    store: metadata.Metadata,
) -> Artifacts:
    """Asks the store; a cached node's `info` names places that were never made."""
    if _is_resolver(node):
        return dict(info.output_dict or {})
    with store as handle:
        return dict(execution_lib.get_output_artifacts(handle, info.execution_id))


def _metadata(compiled: pipeline_pb2.Pipeline) -> metadata.Metadata:
    deployment = runner_utils.extract_local_deployment_config(compiled)
    connection = deployment.metadata_connection_config
    return metadata.Metadata(
        getattr(connection, connection.WhichOneof("connection_config"))
    )


def _launcher(
    compiled: pipeline_pb2.Pipeline,
    node: pipeline_pb2.PipelineNode,
    store: metadata.Metadata,
) -> launcher.Launcher:
    deployment = runner_utils.extract_local_deployment_config(compiled)
    node_id = node.node_info.id
    return launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=store,
        pipeline_info=compiled.pipeline_info,
        pipeline_runtime_spec=compiled.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
    )


def _is_cached(
    node: pipeline_pb2.PipelineNode, info: data_types.ExecutionInfo | None
) -> bool:
    """Sees outputs for which there was no scratch folder to make them in."""
    if info is None or _is_resolver(node):
        return False
    return bool(info.output_dict) and not info.tmp_dir


def _is_resolver(node: pipeline_pb2.PipelineNode) -> bool:
    return node.node_info.type.name.endswith("Resolver")
