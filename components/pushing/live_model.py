"""LiveModel: the model to beat is the newest version of the folder that is served.

Asked of the folder, not of a metadata store: what somebody has removed or rolled back
is not live, and every orchestrator finds the same.
"""

from tensorflow.core.protobuf import saved_model_pb2
from tfx import v1 as tfx
from tfx.dsl.io import fileio
from tfx.utils import io_utils, path_utils

from components.pushing import pushed_versions
from model import contract

_VERSION = "pushed_version"
_SAVED_MODEL_FILE = "saved_model.pb"


@tfx.dsl.components.component
def LiveModel(
    model: tfx.dsl.components.OutputArtifact[tfx.types.standard_artifacts.Model],
    serving_dir: tfx.dsl.components.Parameter[str],
    newest: tfx.dsl.components.Parameter[str],
) -> None:
    """Copies the newest version of `serving_dir`; nothing where there is none.

    A copy, because the folder may change while Evaluator reads it. Another `newest`
    makes the cache look again; what it says does not count.

    Raises:
        ValueError: the version is none of this pipeline's models.
    """
    del newest
    version = pushed_versions.newest(serving_dir)
    if version is None:
        return
    path = pushed_versions.path_of(serving_dir, version)
    _check_signature(path)
    io_utils.copy_dir(path, path_utils.serving_model_dir(model.uri))
    model.set_string_custom_property(_VERSION, str(version))


def is_there(model: tfx.dsl.Artifact) -> bool:
    """Says whether there was a version to copy."""
    return fileio.exists(path_utils.serving_model_dir(model.uri))


def read_version(model: tfx.dsl.Artifact) -> str | None:
    """Reads which version was copied; None where there was none."""
    return model.get_string_custom_property(_VERSION) or None


def _check_signature(path: str) -> None:
    saved_model = saved_model_pb2.SavedModel()
    with fileio.open(f"{path}/{_SAVED_MODEL_FILE}", "rb") as file:
        saved_model.ParseFromString(file.read())
    found = {name for graph in saved_model.meta_graphs for name in graph.signature_def}
    if contract.Signature.CLASSIFY.value not in found:
        named = ", ".join(sorted(found)) or "none"
        raise ValueError(
            f"{path} is live and has the signatures {named}, not "
            f"{contract.Signature.CLASSIFY.value!r}, so nothing can be compared with "
            "it. Push to a folder of this pipeline's own, or move that version out of "
            "it."
        )
