"""From the words of `ktp serve` to settings."""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

from model import contract
from serving.client.wire.tf_serving_names import METRICS_PATH
from serving.launch import presets
from serving.launch.model_folder import find_base_path
from serving.launch.settings import FLAGS, EngineSettings, TlsFiles
from serving.server.flags import STDOUT
from serving.server.models.config import ModelEntry, VersionPolicy, read_config_file
from serving.server.status import StatusError
from serving.version_dirs import has_scheme

_BATCHING = ("max_batch_size", "batch_timeout_micros", "num_batch_threads")
_FLAGS = ("port", "rest_api_port", "bearer_token_file", "grpc_socket_path")


def settings_from(options: Mapping[str, Any]) -> EngineSettings:
    """Makes checked settings of the words.

    Args:
        options: by the names that `serving.commands.serve` gives them.

    Raises:
        ValueError: something does not fit; the message says what to do.
    """
    config_path = options["config_path"]
    if bool(options["models"]) == bool(config_path):
        raise ValueError("Give folders (DIR or NAME=DIR), or --config FILE; not both.")
    entries = _configured(config_path, options) if config_path else _models(options)
    tls = _tls(options["tls_cert"], options["tls_key"], options["tls_ca"])
    return EngineSettings(
        models=entries,
        batching=dataclasses.replace(presets.BATCHING, **_given(options, _BATCHING))
        if options["enable_batching"]
        else None,
        monitoring_path=METRICS_PATH if options["monitoring"] else None,
        tls=tls,
        flags=dataclasses.replace(
            FLAGS,
            model_config_file=_absolute(config_path),
            access_log_file=_absolute(options["access_log"]),
            rest_api_enable_cors_support=options["cors"],
            rest_api_enable_tls=tls is not None,
            **_given(options, _FLAGS),
        ),
        extra_flags=tuple(_extra_flag(flag) for flag in options["flag"]),
    )


def _given(options: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def _absolute(path: str | None) -> str:
    """Makes a path good for the server, which runs in another folder."""
    return os.path.abspath(path) if path and path != STDOUT else path or ""


def _configured(path: str, options: Mapping[str, Any]) -> tuple[ModelEntry, ...]:
    """Reads the models of a file that somebody else wrote."""
    if options["model_name"] or options["versions"] or options["label"]:
        raise ValueError(f"With --config, names, versions and labels stand in {path}.")
    try:
        return tuple(read_config_file(path))
    except StatusError as error:
        raise ValueError(str(error)) from None


def _models(options: Mapping[str, Any]) -> tuple[ModelEntry, ...]:
    words, model_name = options["models"], options["model_name"]
    if model_name and len(words) > 1:
        raise ValueError("--model-name names one folder; for several, NAME=DIR each.")
    policy = _policy(options["versions"])
    labels = dict(_label(text) for text in options["label"])
    if labels and len(words) > 1:
        raise ValueError("--label needs one model; for several, write a --config FILE.")
    return tuple(
        ModelEntry(
            name=name or model_name or contract.MODEL_NAME,
            base_path=_base_path(folder),
            policy=policy,
            labels=labels,
        )
        for name, folder in map(_named, words)
    )


def _base_path(folder: str) -> str:
    """Finds where the versions are; at a URI only the server can look."""
    return folder if has_scheme(folder) else str(find_base_path(folder))


def _named(word: str) -> tuple[str | None, str]:
    """Splits off the name, if any, and the folder of `NAME=DIR`."""
    name, equals, folder = word.partition("=")
    # A folder may have such a name, too.
    if not equals or os.path.isdir(word) or os.sep in name:
        return None, word
    return name, folder


def _policy(text: str | None) -> VersionPolicy:
    if text is None:
        return VersionPolicy()
    if text == "all":
        return VersionPolicy(latest=None)
    kind, _, count = text.partition(":")
    try:
        if kind == "latest":
            return VersionPolicy(latest=int(count or 1))
        versions = tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"--versions is {text!r}; allowed: latest, latest:N, all, or numbers: 3,4."
        ) from None
    return VersionPolicy(specific=versions)


def _label(text: str) -> tuple[str, int]:
    label, _, version = text.partition("=")
    if not label or not version.isdecimal():
        raise ValueError(f"--label is {text!r}; write LABEL=VERSION, as stable=3.")
    return label, int(version)


def _tls(
    certificate: str | None, key: str | None, client_ca: str | None
) -> TlsFiles | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None:
        raise ValueError("TLS needs both --tls-cert and --tls-key.")
    return TlsFiles(
        certificate_path=certificate, key_path=key, client_ca_path=client_ca
    )


def _extra_flag(text: str) -> str:
    if "=" not in text:
        raise ValueError(f"--flag is {text!r}; write NAME=VALUE.")
    return f"--{text.removeprefix('--')}"
