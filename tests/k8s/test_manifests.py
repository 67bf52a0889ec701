"""Every overlay renders, fits the Kubernetes API, and follows our policies."""

import copy
import difflib
import json
import pathlib
import tomllib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.support.golden import Golden
from tests.support.k8s import check, crds, rendering
from tests.support.k8s.check import NEWEST_KUBERNETES, OLDEST_KUBERNETES
from tests.support.k8s.policy import FOR_ALL, POLICIES, flags, pods

overlays = pytest.mark.parametrize("overlay", rendering.TREES)


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
            check.validate(resource, version)
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


ASKED = [
    pytest.param(tree, policy, id=f"{policy.__name__}-{tree}")
    for tree in rendering.TREES
    # What else is applied has no Deployment.
    for policy in (POLICIES if tree in rendering.OVERLAYS else FOR_ALL)
]


@pytest.mark.parametrize(("overlay", "policy"), ASKED)
def test_trees_follow_our_policies(
    overlay: str, policy: Callable[[list[rendering.Resource]], Iterator[str]]
):
    assert list(policy(rendering.render(overlay))) == []


def test_a_kind_without_a_schema_is_refused(
    validator: Callable[[rendering.Resource, str], None],
):
    unknown = {"apiVersion": "example.com/v1", "kind": "New", "metadata": {"name": "n"}}
    with pytest.raises(check.MISFITS):
        validator(unknown, NEWEST_KUBERNETES)


def custom(kind: str) -> rendering.Resource:
    trees = [rendering.render(tree) for tree in rendering.TREES]
    return copy.deepcopy(next(r for tree in trees for r in tree if r["kind"] == kind))


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("ServiceMonitor", "spec.endpoints.0.intervall", "15s", "intervall"),
        ("ServiceMonitor", "spec.endpoints.0.interval", "soon", "does not match"),
        ("PrometheusRule", "spec.groups.0.rules.0.expr", None, "not of type"),
        ("ServingRuntime", "spec.containers.0.imagee", "x", "imagee"),
        ("InferenceService", "spec.predictor.minReplicas", "two", "not of type"),
        ("InferenceService", "spec.predictor.model.storage_uri", "x", "storage_uri"),
    ],
)
def test_what_is_wrong_in_a_custom_resource_is_found(
    kind: str, path: str, value: Any, message: str
):
    resource = custom(kind)
    assert list(crds.problems(resource)) == []
    *way, last = path.split(".")
    place: Any = resource
    for key in way:
        place = place[int(key) if key.isdigit() else key]
    place[last] = value
    assert any(message in problem for problem in crds.problems(resource))


def test_the_canary_s_pod_is_the_stable_one_s_but_for_its_version():
    found = {
        rendering.name(each): each["spec"]["template"]
        for each in pods.deployments(rendering.render("canary"))
    }
    stable, canary = (
        yaml.safe_dump(found[name]) for name in ("classifier", "classifier-canary")
    )
    lines = difflib.ndiff(stable.splitlines(), canary.splitlines())
    changed = {line[2:].strip() for line in lines if line[0] in "-+"}
    mount = {"- mountPath: /etc/classifier-canary", "name: canary", "readOnly: true"}
    volume = {"- configMap:", "name: canary"}
    labels = {"track: stable", "track: canary"}
    flag = "--model_config_file=/etc/classifier"
    flags_ = {f"- {flag}/models.config", f"- {flag}-canary/models.config"}
    maps = {line for line in changed if line.startswith("name: classifier-canary-conf")}
    assert changed == mount | volume | labels | flags_ | maps


def test_claims_that_share_a_volume_meet():
    """Pipeline and servers, each with its volume, the same export."""
    sides = [rendering.render(tree) for tree in ("shared-volume", "shared")]
    volumes, claims = (
        [each for side in sides for each in side if each["kind"] == kind]
        for kind in ("PersistentVolume", "PersistentVolumeClaim")
    )
    assert len({json.dumps(v["spec"]["nfs"]["path"]) for v in volumes}) == 1
    for volume, claim in zip(volumes, claims, strict=True):
        metadata = claim["metadata"]
        assert volume["spec"]["claimRef"] == {
            key: metadata[key] for key in ("name", "namespace")
        }
        assert claim["spec"]["volumeName"] == rendering.name(volume)
        assert claim["spec"]["storageClassName"] == ""


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
    assert container["image"] == f"keras-transformer-server:{project['version']}"
