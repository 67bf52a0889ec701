"""Writes the client's `descriptors.binpb` from installed packages.

Needs TensorFlow and tensorflow-serving-api, imports neither: it reads the serialised
descriptors out of their generated modules. The protos that no Python package ships
stand in `unpackaged_protos/`; grpcio-tools compiles them. Run it after an upgrade:

    python -m scripts.descriptors
"""

import ast
import importlib
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from importlib import resources

from google.protobuf import descriptor_pb2

from serving.client.protos import DESCRIPTORS_PATH

ROOTS = (
    "tensorflow_serving/apis/prediction_service.proto",
    "tensorflow_serving/apis/model_service.proto",
    "tensorflow_serving/apis/prediction_log.proto",
    "tensorflow_serving/config/model_server_config.proto",
    "tensorflow/core/example/example.proto",
    "tensorflow/core/protobuf/saved_model.proto",
    "google/protobuf/wrappers.proto",
)

UNPACKAGED_DIR = pathlib.Path(__file__).with_name("unpackaged_protos")

# TensorFlow's wheel keeps these protos below another folder than their names say.
FOLDER_OF_PREFIX = {"xla/": "tensorflow/compiler/xla/", "tsl/": "tensorflow/tsl/"}

# Generators of today write bytes; old ones text, of which `_b` makes latin-1.
_EMBEDDED = re.compile(r"(?:AddSerializedFile|serialized_pb=_b)\(\s*(b?'.*')\s*\)")


def main() -> None:
    """Writes the file and says how large it is."""
    content = serialized_descriptors()
    DESCRIPTORS_PATH.write_bytes(content)
    print(f"{DESCRIPTORS_PATH.name}: {len(content):,} bytes")


def serialized_descriptors() -> bytes:
    """Collects what the installed packages hold, dependencies first."""
    files: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    _add_closure(ROOTS, files)
    for extra in _unpackaged():
        files[extra.name] = extra
    descriptors = descriptor_pb2.FileDescriptorSet(file=files.values())
    return descriptors.SerializeToString(deterministic=True)


def _unpackaged() -> Iterable[descriptor_pb2.FileDescriptorProto]:
    """Compiles the protos in `UNPACKAGED_DIR`, without what they import."""
    well_known = resources.files("grpc_tools") / "_proto"
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "set")
        command = [
            *(sys.executable, "-m", "grpc_tools.protoc"),
            *(f"-I{UNPACKAGED_DIR}", f"-I{well_known}"),
            f"--descriptor_set_out={output}",
            *map(str, sorted(UNPACKAGED_DIR.rglob("*.proto"))),
        ]
        # A process of its own: beside TensorFlow's protobuf the compiler crashes.
        subprocess.run(command, check=True)
        return descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file


def _add_closure(
    names: Iterable[str], files: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    for name in names:
        if name not in files:
            file = descriptor_pb2.FileDescriptorProto.FromString(_serialized_file(name))
            _add_closure(file.dependency, files)
            files[name] = file


def _serialized_file(name: str) -> bytes:
    module = name.removesuffix(".proto") + "_pb2"
    if name.startswith("google/"):
        descriptor = importlib.import_module(module.replace("/", ".")).DESCRIPTOR
        return bytes(descriptor.serialized_pb)
    for prefix, folder in FOLDER_OF_PREFIX.items():
        if module.startswith(prefix):
            module = folder + module.removeprefix(prefix)
    return _embedded_bytes(_site_dir(module) / f"{module}.py")


def _site_dir(module: str) -> pathlib.Path:
    package = module.split("/")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"{package} is not installed; install the `pipeline` extra to regenerate "
            "the descriptors."
        )
    return pathlib.Path(next(iter(spec.submodule_search_locations))).parent


def _embedded_bytes(path: pathlib.Path) -> bytes:
    """Finds the serialised descriptor in a generated `_pb2.py` file."""
    embedded = _EMBEDDED.search(path.read_text(encoding="utf-8"))
    if embedded is None:
        raise ValueError(f"{path} holds no serialised descriptor; is it generated?")
    value = ast.literal_eval(embedded[1])
    return value if isinstance(value, bytes) else value.encode("latin1")


if __name__ == "__main__":
    main()
