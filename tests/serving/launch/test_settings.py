"""One class writes what every engine reads: files and flags."""

import dataclasses
import pathlib
from typing import Any

import pytest

from serving.client import protos
from serving.launch.presets import BATCHING
from serving.launch.settings import EngineSettings, TlsFiles
from serving.server.batching.config import BatchingConfig
from serving.server.config_files import parse_message
from serving.server.flags import ServerFlags, parse_flags
from serving.server.models.config import (
    LoggingConfig,
    ModelEntry,
    VersionPolicy,
    entries_to_text,
    read_config_file,
)

MODEL = ModelEntry(name="m", base_path="/models/m")
PEM = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"


def settings(**changes: Any) -> EngineSettings:
    return EngineSettings.of(**{"models": (MODEL,), **changes})


@pytest.mark.parametrize(
    "policy",
    [VersionPolicy(), VersionPolicy(latest=None), VersionPolicy(specific=(3, 9))],
)
def test_models_are_read_as_they_were_written(
    policy: VersionPolicy, tmp_path: pathlib.Path
) -> None:
    labelled = ModelEntry(
        name="a",
        base_path="/a",
        policy=policy,
        labels={"stable": 3, "canary": 9},
        logging=LoggingConfig(log_file_prefix="/log/a", sampling_rate=0.5),
    )
    remote = ModelEntry(name="b", base_path="gs://bucket/b")
    path = tmp_path / "models.config"
    path.write_text(entries_to_text([labelled, remote]))
    assert read_config_file(str(path)) == [labelled, remote]


def test_request_logging_is_for_the_embedded_server_alone() -> None:
    """Upstream's stock binary refuses it: it has no logger."""
    log = LoggingConfig(log_file_prefix="/log/m", sampling_rate=0.5)
    logged = settings(models=(dataclasses.replace(MODEL, logging=log),))
    assert logged.only_embedded == ["logging_config"]


def test_every_batching_parameter_reaches_the_file() -> None:
    batching = BatchingConfig(
        max_batch_size=8,
        batch_timeout_micros=5,
        max_enqueued_batches=6,
        num_batch_threads=3,
        allowed_batch_sizes=(2, 4),
        max_execution_batch_size=4,
        pad_variable_length_inputs=True,
        thread_pool_name="pool",
    )
    message = parse_message(batching.to_text(), protos.BatchingParameters)
    assert {field.name for field, _ in message.ListFields()} == {
        field.name for field in dataclasses.fields(batching)
    }
    for name, expected in dataclasses.asdict(batching).items():
        written = getattr(message, name)
        plain = getattr(written, "value", written)
        assert (tuple(plain) if name == "allowed_batch_sizes" else plain) == expected


def test_the_embedded_server_reads_the_batching_file() -> None:
    written = dataclasses.replace(
        BATCHING, max_batch_size=8, allowed_batch_sizes=(2, 8)
    )
    assert BatchingConfig.from_text(written.to_text()) == written


def test_the_embedded_server_knows_every_flag_that_is_written() -> None:
    values = {int: 3, bool: True, str: "/x", float: 0.5}
    wanted = {
        field.name: values[type(field.default)]
        for field in dataclasses.fields(ServerFlags)
        if field.name != "use_alts_credentials"
    }
    wanted |= {"rest_api_port": 4, "tensorflow_session_parallelism": 0}
    wanted |= {"grpc_socket_mode": "660"}
    flags, unknown = parse_flags(settings(**wanted).arguments("/etc/x", embedded=True))
    assert unknown == []
    for name, value in wanted.items():
        assert getattr(flags, name) == value, name


def test_flags_point_to_the_files_that_are_written(tmp_path: pathlib.Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text(PEM)
    tls = TlsFiles(
        certificate_path=str(tmp_path / "cert.pem"), key_path=str(tmp_path / "key.pem")
    )
    everything = settings(batching=BATCHING, monitoring_path="/metrics", tls=tls)
    everything.write_files(tmp_path)
    flags, _ = parse_flags(everything.arguments(str(tmp_path)))
    for name in (
        "model_config",
        "batching_parameters",
        "monitoring_config",
        "ssl_config",
    ):
        assert pathlib.Path(getattr(flags, f"{name}_file")).exists()
    assert flags.enable_batching


def test_the_private_key_is_for_its_owner_alone(tmp_path: pathlib.Path) -> None:
    pem = tmp_path / "both.pem"
    pem.write_text(PEM)
    tls = TlsFiles(
        certificate_path=str(pem), key_path=str(pem), client_ca_path=str(pem)
    )
    settings(tls=tls).write_files(tmp_path)
    written = tmp_path / "ssl.config"
    message = parse_message(written.read_text(), protos.SSLConfig)
    assert written.stat().st_mode & 0o077 == 0
    assert (message.server_key, message.custom_ca, message.client_verify) == (
        PEM,
        PEM,
        True,
    )


def test_a_file_of_somebody_else_is_given_as_it_is(tmp_path: pathlib.Path) -> None:
    given = settings(model_config_file="/mine/models.config")
    given.write_files(tmp_path)
    assert "--model_config_file=/mine/models.config" in given.arguments(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_flags_of_the_embedded_server_go_to_it_alone() -> None:
    ours = settings(shutdown_limit_seconds=5, access_log_file="-")
    assert ours.only_embedded == ["--access_log_file"]
    assert "--access_log_file=-" in ours.arguments("/f", embedded=True)
    assert not any("log" in flag or "shutdown" in flag for flag in ours.arguments("/f"))


TLS = TlsFiles(certificate_path="/nowhere/c.pem", key_path="/nowhere/k.pem")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"models": ()}, "give at least one ModelEntry"),
        ({"models": (MODEL, MODEL)}, "Two models have one name: m"),
        ({"port": 70000}, "port must be 0 to 65535; received 70000"),
        ({"port": 5, "rest_api_port": 5}, "gRPC and REST need two"),
        ({"tls": TLS, "ssl_config_file": "/x"}, "give one of them"),
        ({"rest_api_enable_tls": True}, "needs ssl_config_file for the certificate"),
        ({"monitoring_path": "metrics"}, "it starts with '/'"),
        ({"access_log_sampling_rate": 2.0}, "allowed: 0 to 1"),
        (
            {
                f"tensorflow_{n}_parallelism": 2
                for n in ("session", "intra_op", "inter_op")
            },
            "You cannot configure all",
        ),
    ],
)
def test_a_wrong_setting_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"name": "a/b"}, "separate parts of REST paths"),
        ({"base_path": ""}, "is empty; give a folder"),
        ({"base_path": "/a\udcff"}, r"'/a.udcff', a name that is no UTF-8"),
        ({"policy": VersionPolicy(latest=0)}, "serve 1 version or more"),
        (
            {"policy": VersionPolicy(specific=(1,)), "labels": {"new": 2}},
            "point to more versions than are served",
        ),
    ],
)
def test_a_wrong_model_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings(models=(dataclasses.replace(MODEL, **changes),))


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"max_batch_size": 0}, "max_batch_size must be positive; was 0"),
        ({"num_batch_threads": 0}, "leave it out"),
        ({"batch_timeout_micros": -1}, "0 never waits"),
        ({"allowed_batch_sizes": (8, 2)}, "Last entry .* must match max_batch_size"),
        ({"allowed_batch_sizes": (8, 2, 64)}, "must be monotonically increasing"),
        ({"max_execution_batch_size": 65}, "must be from 1 to max_batch_size"),
        (
            {"max_execution_batch_size": 2, "enable_large_batch_splitting": False},
            "only together with",
        ),
    ],
)
def test_wrong_batching_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(BATCHING, **changes)


@pytest.mark.parametrize(
    "text, message", [(None, "No such file"), ("x", "holds no PEM text")]
)
def test_a_certificate_that_cannot_be_used_is_named(
    text: str | None, message: str, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "c.pem"
    if text is not None:
        path.write_text(text)
    tls = TlsFiles(certificate_path=str(path), key_path=str(path))
    with pytest.raises(ValueError, match=message):
        settings(tls=tls).files()
