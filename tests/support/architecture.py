"""The house rules that a parser can see, each as a function on one parsed file."""

import ast
import dataclasses
import functools
import pathlib
import re
from collections.abc import Callable, Iterator

# What each folder may import of ours, besides itself; the longest name counts.
_WIRE = (
    "model.contract",
    "serving.client.prediction",
    "serving.client.protos",
    "serving.client.wire",
    "serving.formats",
)
# What stands at the foot of the server and knows none of its folders' insides.
_FOOT = tuple(
    f"serving.server.{name}"
    for name in (
        "config_files",
        "flags",
        "native_memory",
        "servable",
        "status",
        "upstream_texts",
    )
)
_FLOOR = (*_WIRE, *_FOOT, "serving.version_dirs")
_MODELS = (*_FLOOR, "serving.server.models")
_REQUESTS = (
    *_MODELS,
    "serving.server.batching",
    "serving.server.observation",
    "serving.server.requests",
)
_SETTINGS = (
    "serving.server.flags",
    "serving.server.status",
    "serving.server.batching.config",
    "serving.server.models.config",
    "serving.server.listeners.tls_config",
    "serving.server.observation.prometheus",
)
LAYERS = {
    # The contracts, and what the graph and the device must make of a character.
    "model": (
        "serving.client.contract",
        "serving.edge.contract",
        "serving.edge.bert_characters",
    ),
    "serving": ("model.contract",),
    # Distributions of their own, which know nothing outside themselves.
    "serving/client": (),
    "serving/edge": (),
    "serving/formats": (),
    "serving/text_files": _WIRE,
    "serving/request_logs": _WIRE,
    # The server, floor by floor: what is higher up uses what is below.
    "serving/server/models": _FLOOR,
    "serving/server/batching": _MODELS,
    "serving/server/observation": _MODELS,
    "serving/server/requests": _REQUESTS,
    "serving/server/json_format": _REQUESTS,
    "serving/server/loading": (*_REQUESTS, "serving.edge"),
    "serving/server/grpc_api": _REQUESTS,
    "serving/server/rest_api": (*_REQUESTS, "serving.server.json_format"),
    "serving/server/listeners": (
        *_REQUESTS,
        "serving.server.grpc_api",
        "serving.server.rest_api",
    ),
    "serving/server": _WIRE,
    # What a server is told, and none of what it is made of.
    "serving/launch": (*_WIRE, *_SETTINGS, "serving.client", "serving.version_dirs"),
    "serving/commands": (
        *_WIRE,
        "serving.client",
        "serving.edge",
        "serving.launch",
        "serving.text_files",
    ),
    "components": ("model", "serving"),
    "pipeline": (
        "model",
        "components",
        "serving.client.wire.addresses",
        "serving.text_files",
        "serving.version_dirs",
    ),
}
# Built as distributions of their own, under other names.
DISTRIBUTED = ("serving/client/", "serving/edge/")
PACKAGES = ("model", "serving", "components", "pipeline")
# They may import everything, and no package may import them.
AROUND = ("benchmarks", "examples", "scripts", "tests")
OURS = (*PACKAGES, *AROUND)
TFX_FILES = ("model/hooks.py", "components/", "pipeline/")
GRPC_FILES = ("serving/", "model/export/warmup.py")
ENVIRONMENT_FILES = ("pipeline/config.py", "serving/client/config.py")
# Sets where this process and its children write what is temporary.
ENVIRONMENT_SETTER = "pipeline/run/temporary_folder.py"
VAGUE_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "constants"}
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 50
# Written so that this line does not match itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.$}{-])/(?:w[o]rk|r[o]ot|home/[a-z]\w*|opt/p[y]pi)(?=/|\b)"
    r"|p[y]pi\.org|p[y]thonhosted\.org"
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """One Python file: its path from the repository root, with `/`, and its text."""

    path: str
    text: str = dataclasses.field(repr=False)

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @functools.cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All of the parsed text; kept, because every rule walks it."""
        return tuple(ast.walk(self.tree))

    @functools.cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """Line and full name of everything imported, also inside functions."""
        return tuple(_imports(self))

    @property
    def package(self) -> str:
        """The first folder, or an empty string."""
        return self.path.split("/")[0] if "/" in self.path else ""

    def is_one_of(self, places: tuple[str, ...]) -> bool:
        """Whether the path is, or lies in, one of `places`; folders end in `/`."""
        return any(
            self.path.startswith(place) if place.endswith("/") else self.path == place
            for place in places
        )

    def functions(self) -> Iterator[_Function]:
        """Every function, methods and nested ones included."""
        return (n for n in self.nodes if isinstance(n, _Function))


Rule = Callable[[SourceFile], Iterator[str]]


def _imports(file: SourceFile) -> Iterator[tuple[int, str]]:
    for node in file.nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, file.path)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _absolute(node: ast.ImportFrom, path: str) -> str:
    if not node.level:
        return node.module or ""
    parents = path.split("/")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def _is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def layers(file: SourceFile) -> Iterator[str]:
    """A folder imports only what the table of layers allows it."""
    folder = _layer(file.path)
    if not folder:
        return
    allowed = (folder.replace("/", "."), *LAYERS[folder])
    for line, name in file.imports:
        ours = name.split(".")[0] in OURS
        if ours and not any(_is_within(name, module) for module in allowed):
            yield f"line {line}: {folder}/ must not import {name}"


def _layer(path: str) -> str:
    """The longest folder of `LAYERS` that `path` lies in, or an empty string."""
    return max((f for f in LAYERS if path.startswith(f"{f}/")), key=len, default="")


def relative_only(file: SourceFile) -> Iterator[str]:
    """Client and edge bear other names where they are installed alone."""
    home = next((place for place in DISTRIBUTED if file.path.startswith(place)), None)
    if home is None:
        return
    for node in file.nodes:
        if isinstance(node, ast.ImportFrom) and node.level:
            if not f"{_absolute(node, file.path)}.".startswith(home.replace("/", ".")):
                yield f"line {node.lineno}: leaves {home}"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name in _import_names(node):
                if name.split(".")[0] in OURS:
                    yield f"line {node.lineno}: write {name} as a relative import"


def _import_names(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.ImportFrom):
        yield node.module or ""
    else:
        yield from (alias.name for alias in node.names)


def tfx_places(file: SourceFile) -> Iterator[str]:
    """TFX stays in the pipeline, its components and the hooks."""
    if file.package not in PACKAGES or file.is_one_of(TFX_FILES):
        return
    for line, name in file.imports:
        if name.split(".")[0] == "tfx":
            yield f"line {line}: {name}; TFX belongs in {', '.join(TFX_FILES)}"


def tfx_spelling(file: SourceFile) -> Iterator[str]:
    """The public interface of TFX has one spelling: `from tfx import v1 as tfx`."""
    for node in file.nodes:
        if isinstance(node, ast.Import):
            wrong = any(_is_within(alias.name, "tfx") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            wrong = any(
                _is_within(f"{node.module}.{alias.name}", "tfx.v1")
                and (node.module, alias.asname) != ("tfx", "tfx")
                for alias in node.names
            )
        else:
            continue
        if wrong:
            yield f"line {node.lineno}: write `from tfx import v1 as tfx`"


def grpc_places(file: SourceFile) -> Iterator[str]:
    """GRPC stays in serving and the warm-up writer."""
    if file.package not in PACKAGES or file.is_one_of(GRPC_FILES):
        return
    for line, name in file.imports:
        if name.split(".")[0] in {"grpc", "tensorflow_serving"}:
            yield f"line {line}: {name}; gRPC belongs in {', '.join(GRPC_FILES)}"


def environment(file: SourceFile) -> Iterator[str]:
    """The process environment is read by the two `from_env` functions, no one else."""
    if file.package not in PACKAGES or file.path == ENVIRONMENT_SETTER:
        return
    allowed = {
        id(node)
        for function in file.functions()
        if function.name == "from_env" and file.is_one_of(ENVIRONMENT_FILES)
        for node in ast.walk(function)
    }
    for node in file.nodes:
        if _reads_environment(node) and id(node) not in allowed:
            yield f"line {node.lineno}: the environment is read only by from_env"


def _reads_environment(node: ast.AST) -> bool:
    names = {"environ", "environb", "getenv", "putenv"}
    if isinstance(node, ast.ImportFrom) and node.module == "os":
        return any(alias.name in names for alias in node.names)
    return (
        isinstance(node, ast.Attribute)
        and node.attr in names
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
    )


def keras_spelling(file: SourceFile) -> Iterator[str]:
    """Keras is `import keras`: not TensorFlow's, not the legacy one, not renamed."""
    for node in file.nodes:
        if isinstance(node, ast.Import):
            wrong = any(
                _is_keras(alias.name) and (alias.name, alias.asname) != ("keras", None)
                for alias in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            wrong = any(_is_keras(f"{node.module}.{a.name}") for a in node.names)
        else:
            wrong = isinstance(node, ast.Attribute) and ast.unparse(node) == "tf.keras"
        if wrong:
            yield f"line {node.lineno}: write `import keras`"


def _is_keras(name: str) -> bool:
    return any(
        _is_within(name, module) for module in ("keras", "tf_keras", "tensorflow.keras")
    )


def names(file: SourceFile) -> Iterator[str]:
    """A file is named for the one thing in it."""
    parts = pathlib.PurePosixPath(file.path).with_suffix("").parts
    for part in VAGUE_NAMES.intersection(parts):
        yield f"{part!r} names nothing"


def file_size(file: SourceFile) -> Iterator[str]:
    """A file holds one concept at its natural size, and ends at 600 lines."""
    lines = len(file.text.splitlines())
    if lines > MAX_FILE_LINES:
        yield f"{lines} lines; stop at {MAX_FILE_LINES}"


def function_size(file: SourceFile) -> Iterator[str]:
    """A function without its docstring ends at 50 lines."""
    for function in file.functions():
        lines = function.end_lineno - function.lineno + 1
        if ast.get_docstring(function, clean=False) is not None:
            docstring = function.body[0]
            lines -= docstring.end_lineno - docstring.lineno + 1
        if lines > MAX_FUNCTION_LINES:
            yield f"{function.name} has {lines} lines; stop at {MAX_FUNCTION_LINES}"


def hooks_are_functions(file: SourceFile) -> Iterator[str]:
    """TFX reloads the hook module, so a class there stops being equal to itself."""
    if file.path != "model/hooks.py":
        return
    for node in file.nodes:
        if isinstance(node, ast.ClassDef):
            yield f"line {node.lineno}: class {node.name}; move it out"


def annotations_are_objects(file: SourceFile) -> Iterator[str]:
    """TFX reads a component's annotations as objects, not as text."""
    if file.package != "components":
        return
    for line, name in file.imports:
        if name == "__future__.annotations":
            yield f"line {line}: from __future__ import annotations breaks @component"


def tests_assert(file: SourceFile) -> Iterator[str]:
    """Every test claims something: it asserts, or expects an exception."""
    if file.package != "tests":
        return
    claiming = {function.name for function in file.functions() if _claims(function)}
    for function in file.functions():
        if function.name.startswith("test_") and not _calls(function, claiming):
            yield f"{function.name} asserts nothing"


_CLAIM = re.compile(r"assert|raises|warns|check|fail|golden|valid", re.I)


def _claims(function: _Function) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.keyword) and node.arg == "check")
        or (isinstance(node, ast.Call) and _CLAIM.search(ast.unparse(node.func)))
        for node in ast.walk(function)
    )


def _calls(function: _Function, claiming: set[str]) -> bool:
    called = {
        ast.unparse(n.func) for n in ast.walk(function) if isinstance(n, ast.Call)
    }
    return not claiming.isdisjoint({function.name, *called})


def tests_stand_alone(file: SourceFile) -> Iterator[str]:
    """What several tests need is in tests/support/; no test imports another."""
    if file.package != "tests":
        return
    for line, name in file.imports:
        parts = name.split(".")
        if parts[0] == "tests" and parts[1:2] != ["support"]:
            yield f"line {line}: {name}; move what is shared to tests/support/"


RULES: tuple[Rule, ...] = (
    layers,
    relative_only,
    tfx_places,
    tfx_spelling,
    grpc_places,
    environment,
    keras_spelling,
    names,
    file_size,
    function_size,
    hooks_are_functions,
    annotations_are_objects,
    tests_assert,
    tests_stand_alone,
)
