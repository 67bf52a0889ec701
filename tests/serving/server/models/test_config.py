"""ModelServerConfig: what it may say, and upstream's words for the rest."""

import pathlib

import pytest

from serving.server.models.config import LoggingConfig, VersionPolicy, read_config_file
from serving.server.status import StatusError

ENTRY = 'config {{ name: "{}" base_path: "/m" model_platform: "tensorflow" {} }}'
LOGGING = (
    'logging_config {{ log_collector_config {{ type: "file" filename_prefix: "{}" }} '
    "sampling_config {{ sampling_rate: {} }} }}"
)


def _write(path: pathlib.Path, *entries: str) -> str:
    file = path / "models.config"
    file.write_text(f"model_config_list {{ {' '.join(entries)} }}")
    return str(file)


def test_a_config_file_names_models_with_policy_and_labels(
    tmp_path: pathlib.Path,
) -> None:
    more = (
        "model_version_policy { specific { versions: 3 versions: 4 } } "
        'version_labels { key: "stable" value: 3 }'
    )
    one, two = read_config_file(
        _write(tmp_path, ENTRY.format("a", ""), ENTRY.format("b", more))
    )
    assert (one.name, one.policy, one.logging) == ("a", VersionPolicy(latest=1), None)
    assert two.policy.specific == (3, 4)
    assert two.labels == {"stable": 3}


@pytest.mark.parametrize(
    "policy, expected",
    [
        ("latest {}", VersionPolicy(latest=1)),
        ("latest { num_versions: 3 }", VersionPolicy(latest=3)),
        ("all {}", VersionPolicy(latest=None)),
        ("specific {}", VersionPolicy(specific=())),
    ],
)
def test_a_policy_is_latest_one_unless_it_says_otherwise(
    tmp_path: pathlib.Path, policy: str, expected: VersionPolicy
) -> None:
    more = f"model_version_policy {{ {policy} }}"
    (entry,) = read_config_file(_write(tmp_path, ENTRY.format("a", more)))
    assert entry.policy == expected


def test_the_deprecated_model_type_is_still_a_platform(tmp_path: pathlib.Path) -> None:
    model = 'config { name: "a" base_path: "gs://bucket/a" model_type: TENSORFLOW }'
    (entry,) = read_config_file(_write(tmp_path, model))
    assert (entry.name, entry.base_path) == ("a", "gs://bucket/a")


def test_logging_config_is_kept(tmp_path: pathlib.Path) -> None:
    more = LOGGING.format("/logs/a", 0.25)
    (entry,) = read_config_file(_write(tmp_path, ENTRY.format("a", more)))
    assert entry.logging == LoggingConfig(
        log_file_prefix="/logs/a", sampling_rate=0.25, collector_type="file"
    )


def test_an_empty_config_names_no_models(tmp_path: pathlib.Path) -> None:
    (tmp_path / "empty").write_text("")
    assert read_config_file(str(tmp_path / "empty")) == []


def _models(text: str) -> str:
    return f"model_config_list {{ config {{ {text} }} }}"


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "model_config_list { ",
            "Error parsing text-format tensorflow.serving.ModelServerConfig",
        ),
        ("nonsense", "Invalid protobuf file: '"),
        (
            f"model_config_list {{ {ENTRY.format('a', '')} {ENTRY.format('a', '')} }}",
            "Illegal to list model a multiple times in config list$",
        ),
        (
            _models('name: "a" base_path: "m" model_platform: "tensorflow"'),
            "Expected model a to have an absolute path or URI; got base_path..=m$",
        ),
        (
            _models('name: "a" base_path: "/m"'),
            "Illegal setting neither ModelServerConfig::model_type .deprecated. nor "
            "ModelServerConfig::model_platform, model name is a$",
        ),
        (
            _models('name: "a" base_path: "/m" model_type: OTHER'),
            "ModelServerConfig::model_type choice 2 not supported.$",
        ),
        (
            _models('name: "a" base_path: "/m" model_type: 1 model_platform: "x"'),
            "Illegal setting both ModelServerConfig::model_type .deprecated. and "
            "ModelServerConfig::model_platform, model name is a$",
        ),
        (
            _models('name: "a" base_path: "/m" model_platform: "torch"'),
            "Model a requests unsupported platform torch$",
        ),
        (
            'custom_model_config { type_url: "x" }',
            "custom_model_config is not supported by the embedded server",
        ),
        (
            f"model_config_list {{ {ENTRY.format('a', LOGGING.format('', 1))} }}",
            "logging_config of model a names no file",
        ),
        (
            f"model_config_list {{ {ENTRY.format('a', LOGGING.format('/l', 2))} }}",
            "sampling_rate 2.0; it must be from 0 to 1",
        ),
    ],
)
def test_a_wrong_config_has_upstream_s_words(
    tmp_path: pathlib.Path, text: str, message: str
) -> None:
    file = tmp_path / "models.config"
    file.write_text(text)
    with pytest.raises(StatusError, match=message):
        read_config_file(str(file))


@pytest.mark.parametrize(
    "policy, chosen",
    [
        (VersionPolicy(), [9]),
        (VersionPolicy(latest=2), [5, 9]),
        (VersionPolicy(latest=None), [1, 5, 9]),
        (VersionPolicy(specific=(1, 7)), [1]),
        (VersionPolicy(specific=()), []),
    ],
)
def test_a_policy_chooses_versions(policy: VersionPolicy, chosen: list[int]) -> None:
    assert policy.select([5, 9, 1]) == chosen


def test_a_file_that_is_no_text_is_refused_and_no_crash(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "models.config"
    file.write_bytes(b"model_config_list { \xff }")
    with pytest.raises(StatusError, match=f"Cannot read {file}: 'utf-8'"):
        read_config_file(str(file))
