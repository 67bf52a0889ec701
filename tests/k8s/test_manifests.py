"""Every overlay renders, fits the Kubernetes API, and follows our policies."""

import json
import pathlib
import tomllib
from collections.abc import Callable, Iterator

import kubernetes_validate
import pytest

from tests.support.golden import Golden
from tests.support.k8s import rendering
from tests.support.k8s.policy import POLICIES, flags

OLDEST_KUBERNETES, NEWEST_KUBERNETES = "1.31", "1.37"
overlays = pytest.mark.parametrize("overlay", rendering.OVERLAYS)


@overlays
@pytest.mark.skipif(rendering.kubectl() is None, reason="needs kubectl 1.27 or later")
def test_an_overlay_renders_as_its_golden(overlay: str, golden: Golden):
    golden.check(f"{overlay}.yaml", rendering.golden_text(overlay))


@overlays
def test_goldens_come_from_these_sources(overlay: str):
    assert rendering.golden_sources_sha256(overlay) == rendering.sources_sha256(), (
        "k8s/ changed since the goldens were rendered: run "
        "`python -m pytest tests/k8s --update-goldens` where kubectl is, and review."
    )


@pytest.fixture(scope="module")
def validator() -> Callable[[rendering.Resource, str], None]:
    """Validates a resource once, however many overlays hold it."""
    seen: set[tuple[str, str]] = set()

    def validate(resource: rendering.Resource, version: str) -> None:
        key = (json.dumps(resource, sort_keys=True), version)
        if key not in seen:
            kubernetes_validate.validate(resource, version, strict=True)
            seen.add(key)

    return validate


@overlays
@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, NEWEST_KUBERNETES])
def test_resources_fit_the_kubernetes_api(
    overlay: str,
    version: str,
    validator: Callable[[rendering.Resource, str], None],
):
    for resource in rendering.render(overlay):
        validator(resource, version)


@overlays
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_overlays_follow_our_policies(
    overlay: str, policy: Callable[[list[rendering.Resource]], Iterator[str]]
):
    assert list(policy(rendering.render(overlay))) == []


def test_the_server_is_not_older_than_the_exporter():
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    (exporter,) = [
        requirement.removeprefix("tensorflow==")
        for requirement in project["optional-dependencies"]["server"]
        if requirement.startswith("tensorflow==")
    ]
    (_, container), *_ = flags.servers(rendering.render("pvc"))
    assert container["image"] == f"tensorflow/serving:{exporter}"


def test_the_embedded_server_s_image_has_the_project_s_version():
    project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
    (_, container), *_ = flags.servers(rendering.render("embedded"))
    assert container["image"] == f"{project['name']}:{project['version']}"
