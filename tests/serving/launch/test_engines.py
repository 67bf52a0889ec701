"""Which engine is taken and why, and how each is told the same."""

import dataclasses
import pathlib
import signal
from typing import Any

import pytest

from serving.launch import engines, presets
from serving.launch.engines import Engine, EngineError
from serving.launch.settings import EngineSettings, TlsFiles
from serving.server.models.config import ModelEntry
from tests.support.serving.programs import program

MODEL = ModelEntry(name="classifier", base_path="/m")


def docker(images: str) -> str:
    return f'case "$1" in info) exit 0;; image) exit {images};; esac; exit 1'


def settings(folder: str = "/m", **changes: Any) -> EngineSettings:
    model = ModelEntry(name="classifier", base_path=folder)
    return EngineSettings.of((model,), **{"port": 1, "rest_api_port": 2, **changes})


def test_the_real_server_comes_first(path_dir: pathlib.Path) -> None:
    program(path_dir, "tensorflow_model_server", "exit 0")
    program(path_dir, "docker", docker(images="0"))
    choice = engines.choose_engine("auto")
    assert choice.engine is Engine.TENSORFLOW_MODEL_SERVER
    assert choice.reason == f"it is at {path_dir / 'tensorflow_model_server'}"


def test_a_container_comes_second(path_dir: pathlib.Path) -> None:
    program(path_dir, "podman", docker(images="0"))
    choice = engines.choose_engine("auto")
    assert choice.engine is Engine.DOCKER
    assert "no tensorflow_model_server on the PATH; " in choice.reason


@pytest.mark.parametrize(
    "script, why",
    [
        ("exit 1", "no container runtime"),
        (docker(images="1"), "no tensorflow/serving:"),
    ],
)
def test_without_daemon_or_image_the_embedded_server_is_taken(
    path_dir: pathlib.Path, script: str, why: str
) -> None:
    program(path_dir, "docker", script)
    choice = engines.choose_engine("auto")
    assert choice.engine is Engine.EMBEDDED
    reason = f"embedded server: no tensorflow_model_server on the PATH, {why}"
    assert str(choice).startswith(reason)


@pytest.mark.parametrize(
    "engine, message",
    [
        ("tensorflow_model_server", "is not on the PATH"),
        ("docker", "No running docker or podman found"),
        ("nginx", "allowed are auto, tensorflow_model_server, docker, embedded"),
    ],
)
@pytest.mark.usefixtures("path_dir")
def test_a_missing_engine_says_what_to_do(engine: str, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        engines.choose_engine(engine)


def test_what_only_the_embedded_server_has_decides(path_dir: pathlib.Path) -> None:
    program(path_dir, "tensorflow_model_server", "exit 0")
    wanted = settings(bearer_token_file="/token").only_embedded
    choice = engines.choose_engine("auto", wanted)
    assert str(choice) == "embedded server: only it has --bearer_token_file"
    with pytest.raises(EngineError, match="has no --bearer_token_file; leave it out"):
        engines.choose_engine("tensorflow_model_server", wanted)


def test_all_engines_get_the_same_flags_but_for_paths() -> None:
    wanted = settings(batching=presets.BATCHING, monitoring_path="/metrics")
    folder = pathlib.Path("/etc/files")
    binary, container, embedded = (
        engines.command(engine, wanted, folder)
        for engine in (
            Engine.TENSORFLOW_MODEL_SERVER,
            Engine.DOCKER,
            Engine.EMBEDDED,
        )
    )
    flags = binary.arguments[1:]
    assert embedded.arguments[4:] == flags
    in_container = container.arguments[-len(flags) :]
    ports = {"--port=8500": "--port=1", "--rest_api_port=8501": "--rest_api_port=2"}
    outside = [ports.get(f, f.replace("/config/", "/etc/files/")) for f in in_container]
    assert tuple(outside) == flags


def test_a_container_sees_the_models_below_models() -> None:
    wanted = settings("/srv/m")
    command = engines.command(Engine.DOCKER, wanted, pathlib.Path("/f"))
    text = engines.seen_by(Engine.DOCKER, wanted).files()["models.config"]
    assert "--volume=/srv/m:/models/classifier:ro" in command.arguments
    assert 'base_path: "/models/classifier"' in text
    assert "--publish=1:8500" in command.arguments


def test_a_container_ends_politely_and_is_removed() -> None:
    command = engines.command(Engine.DOCKER, settings(), pathlib.Path("/f"))
    assert "--init" in command.arguments
    assert "--name=model-server-1" in command.arguments
    assert command.cleanup[1:] == ("rm", "--force", "model-server-1")
    assert command.death_signal is signal.SIGTERM


def test_a_container_gets_the_config_file_of_somebody_else() -> None:
    wanted = settings("/srv/m", model_config_file="/mine/models.config")
    command = engines.command(Engine.DOCKER, wanted, pathlib.Path("/f"))
    assert "--volume=/srv/m:/srv/m:ro" in command.arguments
    assert "--volume=/mine:/config-file:ro" in command.arguments
    assert "--model_config_file=/config-file/models.config" in command.arguments


def test_a_container_refuses_a_path_it_does_not_see() -> None:
    wanted = settings(grpc_socket_path="/run/s")
    with pytest.raises(EngineError, match="that a container does not see"):
        engines.command(Engine.DOCKER, wanted, pathlib.Path("/f"))


def test_what_tf_serving_does_otherwise_is_said() -> None:
    tls = TlsFiles(certificate_path="/c", key_path="/k")
    wanted = settings(tls=tls, rest_api_enable_tls=True, shutdown_limit_seconds=5)
    command = engines.command(Engine.TENSORFLOW_MODEL_SERVER, wanted, pathlib.Path("/"))
    assert len(command.notes) == 2
    assert "REST stays plain" in command.notes[0]
    assert not any("shutdown" in argument for argument in command.arguments)
    assert engines.command(Engine.EMBEDDED, wanted, pathlib.Path("/")).notes == ()


def test_a_flag_that_no_server_has_is_refused_or_noted(path_dir: pathlib.Path) -> None:
    wanted = EngineSettings.of((MODEL,), extra_flags=("--foo=bar",))
    with pytest.raises(EngineError, match="has no flag --foo=bar"):
        engines.command(Engine.EMBEDDED, wanted, path_dir)
    notes = engines.command(Engine.TENSORFLOW_MODEL_SERVER, wanted, path_dir).notes
    assert "--foo=bar: no flag that we know" in " ".join(notes)


def test_an_extra_flag_of_ours_chooses_the_embedded_server() -> None:
    wanted = EngineSettings.of((MODEL,), extra_flags=("--health_port=8502",))
    assert wanted.only_embedded == ["--health_port"]
    with pytest.raises(ValueError, match="flag health_port; expected int"):
        EngineSettings.of((MODEL,), extra_flags=("--health_port=x",))


def test_labels_are_let_in_before_their_versions_have_loaded() -> None:
    labelled = dataclasses.replace(MODEL, labels={"stable": 1})
    flag = "--allow_version_labels_for_unavailable_models=true"
    assert flag in EngineSettings.of((labelled,)).arguments("/etc/x")
    assert flag not in EngineSettings.of((MODEL,)).arguments("/etc/x")
