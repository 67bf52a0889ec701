"""The programs that can serve a SavedModel, and which one this machine has."""

import dataclasses
import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence

from model.contract import Engine
from serving.client.wire.tf_serving_names import GRPC_PORT, REST_PORT
from serving.launch.own_module import python_command
from serving.launch.settings import FLAGS, EngineSettings

IMAGE = "tensorflow/serving:2.21.0"
BINARY = Engine.TENSORFLOW_MODEL_SERVER.value
_CONTAINER_TOOLS = ("docker", "podman")
_EMBEDDED_NEEDS = ("tensorflow", "tensorflow_text", "uvicorn", "google_crc32c")
_NAMES = {
    Engine.TENSORFLOW_MODEL_SERVER: BINARY,
    Engine.DOCKER: "TF Serving in a container",
    Engine.EMBEDDED: "embedded server",
}


class EngineError(RuntimeError):
    """No engine, or not the one that was asked for."""


@dataclasses.dataclass(frozen=True)
class EngineChoice:
    """The engine to use, and why this one."""

    engine: Engine
    reason: str

    def __str__(self) -> str:
        return f"{_NAMES[self.engine]}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class EngineCommand:
    """How to start an engine.

    `death_signal` ends it when its parent dies. `notes` say what may surprise.
    """

    engine: Engine
    arguments: tuple[str, ...]
    death_signal: signal.Signals = signal.SIGKILL
    notes: tuple[str, ...] = ()
    # What to run when it has ended, however it ended.
    cleanup: tuple[str, ...] = ()


def choose_engine(
    wanted: Engine | str, only_embedded: Sequence[str] = ()
) -> EngineChoice:
    """Picks the engine to use.

    A container runtime counts for `AUTO` only when the image is there already: nobody
    should wait for a download that was not asked for.

    Args:
        wanted: an engine, or `AUTO`.
        only_embedded: what was asked for and only the embedded server has.

    Raises:
        EngineError: it is not on this machine, or lacks what was asked for; the
            message says what to do.
    """
    engine = _engine(wanted)
    if engine is Engine.AUTO and only_embedded:
        _check_available(Engine.EMBEDDED)
        return EngineChoice(Engine.EMBEDDED, f"only it has {', '.join(only_embedded)}")
    if engine is Engine.AUTO:
        return _first_available()
    _check_available(engine)
    if engine is not Engine.EMBEDDED and only_embedded:
        raise EngineError(
            f"{engine} has no {', '.join(only_embedded)}; leave it out, or take "
            "--engine embedded."
        )
    return EngineChoice(engine, "as asked for")


def command(
    engine: Engine, settings: EngineSettings, folder: pathlib.Path
) -> EngineCommand:
    """Says how to start the engine.

    Args:
        engine: any but `AUTO`.
        settings: with paths and ports of this machine.
        folder: where `seen_by(engine, settings).write_files` puts the files.

    Raises:
        EngineError: the engine cannot do it.
    """
    if engine is Engine.DOCKER:
        return _container_command(settings, folder)
    is_embedded = engine is Engine.EMBEDDED
    if is_embedded and settings.unknown_flags:
        raise EngineError(
            f"The embedded server has no flag {', '.join(settings.unknown_flags)}; "
            "`python -m serving.server --help` lists those it has."
        )
    flags = settings.arguments(str(folder), embedded=is_embedded)
    if not is_embedded:
        program = shutil.which(BINARY) or BINARY
        return EngineCommand(engine, (program, *flags), notes=_notes(settings))
    return EngineCommand(engine, tuple(python_command("serving.server", *flags)))


def seen_by(engine: Engine, settings: EngineSettings) -> EngineSettings:
    """Gives the settings the paths and ports that the engine's process sees."""
    if engine is not Engine.DOCKER:
        return settings
    models = settings.models
    config_file = settings.flags.model_config_file
    if config_file:
        config_file = f"/config-file/{os.path.basename(config_file)}"
    else:
        models = tuple(
            model
            if model.is_remote
            else dataclasses.replace(model, base_path=f"/models/{model.name}")
            for model in models
        )
    return dataclasses.replace(
        settings,
        models=models,
        flags=dataclasses.replace(
            settings.flags,
            model_config_file=config_file,
            port=GRPC_PORT,
            rest_api_port=REST_PORT,
        ),
    )


def _volumes(settings: EngineSettings, inside: EngineSettings) -> Iterator[str]:
    for model, seen in zip(settings.models, inside.models, strict=True):
        if not model.is_remote:
            yield f"--volume={os.path.abspath(model.base_path)}:{seen.base_path}:ro"
    if config_file := settings.flags.model_config_file:
        folder = os.path.dirname(os.path.abspath(config_file))
        yield f"--volume={folder}:/config-file:ro"


def _container_command(settings: EngineSettings, folder: pathlib.Path) -> EngineCommand:
    for name in ("grpc_socket_path", "ssl_config_file"):
        if getattr(settings.flags, name):
            raise EngineError(
                f"--{name} names a path that a container does not see; take another "
                "engine."
            )
    inside = seen_by(Engine.DOCKER, settings)
    tool = _container_tool() or _CONTAINER_TOOLS[0]
    name = f"model-server-{settings.flags.port}"
    arguments = (
        tool,
        "run",
        "--rm",
        f"--name={name}",
        # The server ignores SIGTERM as process 1; with --init it is not process 1.
        "--init",
        f"--publish={settings.flags.port}:{GRPC_PORT}",
        f"--publish={settings.flags.rest_api_port}:{REST_PORT}",
        *_volumes(settings, inside),
        f"--volume={folder}:/config:ro",
        f"--entrypoint={BINARY}",
        IMAGE,
        *inside.arguments("/config"),
    )
    # SIGKILL would end the command line tool and leave the container running.
    return EngineCommand(
        Engine.DOCKER,
        arguments,
        death_signal=signal.SIGTERM,
        notes=_notes(settings),
        cleanup=(tool, "rm", "--force", name),
    )


def _notes(settings: EngineSettings) -> tuple[str, ...]:
    """Says what differs from the embedded server, where that may surprise."""
    notes = []
    if settings.flags.rest_api_enable_tls:
        notes.append("TLS covers gRPC alone here: REST stays plain.")
    if settings.flags.shutdown_limit_seconds != FLAGS.shutdown_limit_seconds:
        notes.append("It does not drain: --shutdown_limit_seconds is left out.")
    if settings.unknown_flags:
        unknown = ", ".join(settings.unknown_flags)
        notes.append(
            f"{unknown}: no flag that we know; a server only logs unknown ones."
        )
    return tuple(notes)


def _engine(wanted: Engine | str) -> Engine:
    try:
        return Engine(wanted)
    except ValueError:
        allowed = ", ".join(Engine)
        raise EngineError(f"engine is {wanted!r}; allowed are {allowed}.") from None


def _check_available(engine: Engine) -> None:
    if engine is Engine.TENSORFLOW_MODEL_SERVER and shutil.which(BINARY) is None:
        raise EngineError(f"{BINARY} is not on the PATH; install it or take another.")
    if engine is Engine.DOCKER and _container_tool() is None:
        tools = " or ".join(_CONTAINER_TOOLS)
        raise EngineError(
            f"No running {tools} found; start one or take another engine."
        )
    if engine is Engine.EMBEDDED and (missing := _missing_packages()):
        raise EngineError(
            f"The embedded server needs {', '.join(missing)}: "
            "pip install 'keras-transformer-pipeline[server]'."
        )


def _first_available() -> EngineChoice:
    if (path := shutil.which(BINARY)) is not None:
        return EngineChoice(Engine.TENSORFLOW_MODEL_SERVER, f"it is at {path}")
    no_binary = f"no {BINARY} on the PATH"
    tool = _container_tool()
    if tool is None:
        no_container = "no container runtime"
    elif _succeeds(tool, "image", "inspect", IMAGE):
        return EngineChoice(Engine.DOCKER, f"{no_binary}; {tool} has {IMAGE}")
    else:
        no_container = f"no {IMAGE} in {tool} (its `pull` gets it)"
    missing = _missing_packages()
    if not missing:
        return EngineChoice(Engine.EMBEDDED, f"{no_binary}, {no_container}")
    raise EngineError(
        f"Nothing here can serve a model: {no_binary}, {no_container}, and the "
        f"embedded server needs {', '.join(missing)}. "
        "Try: pip install 'keras-transformer-pipeline[server]'."
    )


def _container_tool() -> str | None:
    """Finds a container command whose daemon answers."""
    for name in _CONTAINER_TOOLS:
        path = shutil.which(name)
        if path is not None and _succeeds(path, "info"):
            return path
    return None


def _succeeds(*arguments: str) -> bool:
    try:
        finished = subprocess.run(
            arguments, capture_output=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return finished.returncode == 0


def _missing_packages() -> list[str]:
    return [name for name in _EMBEDDED_NEEDS if importlib.util.find_spec(name) is None]
