"""What `make test-containers` finds out about a machine before it builds."""

import pathlib
import shutil

import pytest

from scripts import containers
from tests.support.k8s.images import BASE, instructions


def test_what_is_passed_on_is_an_argument_of_the_build_and_in_no_image() -> None:
    declared = {line.partition("=")[0] for line in instructions("ARG", "build")}
    assert set(containers.PASSED_ON) <= declared
    assert not declared & {line.partition("=")[0] for line in instructions("ENV")}


def test_the_index_and_its_certificates_are_passed_on(tmp_path: pathlib.Path) -> None:
    certificates = tmp_path / "ca.crt"
    certificates.touch()
    environ = {"PIP_INDEX_URL": "https://i/", "PIP_CERT": str(certificates), "A": "b"}
    assert list(containers.build_arguments(environ)) == [
        *("--network=host", "--format=docker"),
        *(
            "--build-arg=PIP_INDEX_URL=https://i/",
            f"--build-arg=PIP_CERT={certificates}",
        ),
        f"--volume={certificates}:{certificates}:ro",
    ]


def test_the_command_finds_podman_and_a_setting_of_the_user_stays() -> None:
    found = containers.environment({"PATH": "/bin"}, "/tmp/c.conf")
    assert found["CONTAINER_TOOL"] == "podman"
    assert found["CONTAINERS_CONF"] == "/tmp/c.conf"
    assert found["PATH"] == "/bin"
    mine = containers.environment({"CONTAINERS_CONF": "/mine"}, "/tmp/c.conf")
    assert mine["CONTAINERS_CONF"] == "/mine"


def test_the_base_image_is_the_dockerfile_s() -> None:
    assert containers.parse(["true"]).base == BASE
    assert containers.parse(["--base", "b", "make", "image"]).command == [
        *("make", "image")
    ]


def test_without_podman_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(containers.ContainersError, match="apt-get install"):
        containers.main(["true"], {})


def test_a_root_is_made_of_signed_packages_only(tmp_path: pathlib.Path) -> None:
    command = containers.debootstrap(tmp_path, "http://m")
    assert "--force-check-gpg" in command
    assert command[-3:] == [containers.SUITE, str(tmp_path), "http://m"]
