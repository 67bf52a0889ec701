"""The policies can fail: each finds the one thing broken in a good overlay."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.k8s import rendering
from tests.support.k8s.policy import BEFORE_APPLYING, POLICIES, network, pods
from tests.support.k8s.rendering import Resource

Breaker = Callable[[dict[str, Any]], object]


def findings(resources: list[Resource]) -> list[str]:
    return [finding for policy in POLICIES for finding in policy(resources)]


def broken(kind: str, breaker: Breaker) -> list[Resource]:
    """The s3 overlay with something changed in its resources of one kind."""
    resources = copy.deepcopy(rendering.render("s3"))
    chosen = [resource for resource in resources if resource["kind"] == kind]
    assert chosen
    for resource in chosen:
        breaker(resource)
    return resources


def pod(deployment: Resource) -> dict[str, Any]:
    return deployment["spec"]["template"]["spec"]


def server(deployment: Resource) -> dict[str, Any]:
    return pod(deployment)["containers"][0]


def copier(deployment: Resource) -> dict[str, Any]:
    return pod(deployment)["initContainers"][0]


def flag(deployment: Resource, old: str, new: str) -> None:
    arguments = server(deployment)["args"]
    arguments[arguments.index(old)] = new


IN_PODS: list[tuple[str, Breaker]] = [
    ("may run as root", lambda d: pod(d)["securityContext"].pop("runAsNonRoot")),
    ("seccomp", lambda d: pod(d)["securityContext"].pop("seccompProfile")),
    ("token", lambda d: pod(d).pop("automountServiceAccountToken")),
    ("gain privileges", lambda d: copier(d).pop("securityContext")),
    ("keeps capabilities", lambda d: server(d)["securityContext"].pop("capabilities")),
    ("write to its image", lambda d: copier(d).update(securityContext={})),
    ("no memory in its limits", lambda d: server(d)["resources"]["limits"].clear()),
    ("no cpu in its requests", lambda d: copier(d)["resources"].pop("requests")),
    ("is not pinned", lambda d: server(d).update(image="tensorflow/serving")),
    ("is not pinned", lambda d: copier(d).update(image="rclone/rclone:latest")),
    ("is not pinned", lambda d: server(d).update(image="tensorflow/serving@sha256:ab")),
    (
        "is not pinned",
        lambda d: server(d).update(image=f"a.example:5000/x:latest@sha256:{'a' * 64}"),
    ),
    ("is not pinned", lambda d: server(d).update(image="registry.example:5000/x")),
    (
        "scaled by its processors alone",
        lambda d: server(d)["resources"]["limits"].update({"nvidia.com/gpu": "1"}),
    ),
    ("no policy looks into this kind", lambda d: d.update(kind="StatefulSet")),
    (
        "not only its track",
        lambda d: d["spec"]["selector"]["matchLabels"].pop("track"),
    ),
    ("no livenessProbe", lambda d: server(d).pop("livenessProbe")),
    (
        "killed for not being ready",
        lambda d: server(d).update(livenessProbe=server(d)["readinessProbe"]),
    ),
    (
        "killed before it is taken out",
        lambda d: server(d)["livenessProbe"].update(failureThreshold=1),
    ),
    ("does not wait", lambda d: server(d).pop("lifecycle")),
    (
        "sleeps past the grace period",
        lambda d: pod(d).update(terminationGracePeriodSeconds=30),
    ),
]
IN_REFERENCES: list[tuple[str, str, Breaker]] = [
    ("Service", "selects no pod", lambda s: s["spec"].update(selector={"a": "b"})),
    (
        "PodDisruptionBudget",
        "selects no pod",
        lambda p: p["spec"]["selector"].update(matchLabels={"a": "b"}),
    ),
    (
        "NetworkPolicy",
        "selects no pod",
        lambda p: p["spec"]["podSelector"].update(matchLabels={"a": "b"}),
    ),
    (
        "Service",
        "uses port https",
        lambda s: s["spec"]["ports"][0].update(targetPort="https"),
    ),
    (
        "NetworkPolicy",
        "uses port admin",
        lambda p: p["spec"]["ingress"][0]["ports"][0].update(port="admin"),
    ),
    (
        "HorizontalPodAutoscaler",
        "does not exist",
        lambda h: h["spec"]["scaleTargetRef"].update(name="other"),
    ),
    ("Deployment", "sets replicas", lambda d: d["spec"].update(replicas=3)),
    (
        "Namespace",
        "no digest, and this is production",
        lambda n: n["metadata"]["labels"].update(environment="production"),
    ),
    (
        "NetworkPolicy",
        "lets something out to anybody",
        lambda p: p["spec"]["egress"][0].pop("to"),
    ),
    (
        "NetworkPolicy",
        "lets out to private addresses",
        lambda p: p["spec"]["egress"][0].update(
            to=[{"ipBlock": {"cidr": "0.0.0.0/0"}}]
        ),
    ),
    (
        "NetworkPolicy",
        "lets out to private addresses",
        lambda p: p["spec"]["egress"][0].update(
            to=[{"ipBlock": {"cidr": "0.0.0.0/1"}}, {"ipBlock": {"cidr": "::/0"}}]
        ),
    ),
    (
        "NetworkPolicy",
        "lets something out to anybody",
        lambda p: p["spec"]["egress"][0].update(to=[{"namespaceSelector": {}}]),
    ),
    (
        "NetworkPolicy",
        "on any port",
        lambda p: p["spec"]["egress"][0].update(ports=[{"protocol": "TCP"}]),
    ),
    (
        "NetworkPolicy",
        "no NetworkPolicy selects",
        lambda p: p.update(kind="NoPolicyAtAll"),
    ),
    (
        "NetworkPolicy",
        "lets everything out",
        lambda p: p["spec"].update(policyTypes=["Ingress"]),
    ),
    (
        "HorizontalPodAutoscaler",
        "no number of replicas",
        lambda h: h["spec"]["scaleTargetRef"].update(name="other"),
    ),
    ("Deployment", "no volume", lambda d: pod(d)["volumes"].pop()),
    (
        "Deployment",
        "is not mounted",
        lambda d: pod(d)["volumes"].append({"name": "spare", "emptyDir": {}}),
    ),
    ("ConfigMap", "refers to ConfigMap", lambda c: c["metadata"].update(name="other")),
    (
        "ServiceAccount",
        "refers to ServiceAccount",
        lambda s: s["metadata"].update(name="other"),
    ),
    ("Service", "is in namespace", lambda s: s["metadata"].update(namespace="default")),
]
IN_FLAGS: list[tuple[str, Breaker]] = [
    (
        "has no flag --enable_baching",
        lambda d: flag(d, "--enable_batching=true", "--enable_baching=true"),
    ),
    (
        "without --enable_batching",
        lambda d: flag(d, "--enable_batching=true", "--enable_batching=false"),
    ),
    (
        "cold model",
        lambda d: flag(d, "--enable_model_warmup=true", "--enable_model_warmup=false"),
    ),
    ("no flag opens port", lambda d: flag(d, "--port=8500", "--port=9000")),
]


@pytest.mark.parametrize(("finding", "breaker"), IN_PODS)
def test_a_careless_pod_is_found(finding: str, breaker: Breaker):
    assert any(finding in each for each in findings(broken("Deployment", breaker)))


@pytest.mark.parametrize(("kind", "finding", "breaker"), IN_REFERENCES)
def test_a_dangling_reference_is_found(kind: str, finding: str, breaker: Breaker):
    assert any(finding in each for each in findings(broken(kind, breaker)))


@pytest.mark.parametrize(("finding", "breaker"), IN_FLAGS)
def test_a_wrong_flag_is_found(finding: str, breaker: Breaker):
    assert any(finding in each for each in findings(broken("Deployment", breaker)))


def test_a_config_file_that_is_not_mounted_is_found():
    resources = broken("ConfigMap", lambda c: c["data"].pop("models.config", None))
    assert any("models.config is not mounted" in each for each in findings(resources))


def test_kserves_pods_are_asked_for_a_network_policy_too():
    resources = rendering.render("kserve")
    without = [each for each in resources if each["kind"] != "NetworkPolicy"]
    assert len(without) < len(resources)
    assert list(network.pods_are_behind_a_policy(resources)) == []
    assert list(network.pods_are_behind_a_policy(without)) != []


@pytest.mark.parametrize("overlay", rendering.OVERLAYS)
def test_what_is_named_production_is_held_to_it(overlay: str):
    """Without the namespace's label no digest would be asked for."""
    named = overlay.startswith("production")
    assert pods.is_production(rendering.render(overlay)) == named


def test_zeros_for_a_digest_are_in_the_repository_alone():
    """Where they are is listed here; `make check-tree` refuses them everywhere."""
    zeros = {
        tree
        for tree in rendering.TREES
        if list(pods.have_real_digests(rendering.render(tree)))
    }
    assert zeros == {"production", "production-embedded"}
    assert pods.have_real_digests in BEFORE_APPLYING
