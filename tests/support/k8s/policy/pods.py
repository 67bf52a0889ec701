"""Policies on what runs in the pods."""

import re
from collections.abc import Iterator
from typing import Any

from tests.support.k8s.rendering import Resource, name

_IMAGE = re.compile(
    r"(?P<name>[a-z0-9.-]+(?::\d+)?(?:/[a-z0-9._/-]+)?)"
    r"(?::(?P<tag>[\w][\w.-]*))?(?:@sha256:(?P<digest>[0-9a-f]{64}))?"
)
_MADE_OF_OTHERS = ("ServingRuntime",)
"""Kinds whose containers run only where another one names them."""
NO_DIGEST_YET = "0" * 64
"""Stands in the repository where nobody can know yours."""


def deployments(resources: list[Resource]) -> list[Resource]:
    """All Deployments."""
    return [each for each in resources if each["kind"] == "Deployment"]


def pod_spec(deployment: Resource) -> dict[str, Any]:
    """What its pods are made from."""
    return deployment["spec"]["template"]["spec"]


def containers(deployment: Resource) -> list[dict[str, Any]]:
    """Its containers, those that run first included."""
    return _containers(pod_spec(deployment))


def workloads(resources: list[Resource]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and pod of everything that makes pods, whatever its kind."""
    runtimes = {name(e): e["spec"] for e in resources if e["kind"] == "ServingRuntime"}
    for resource in resources:
        for pod in workloads_of(resource):
            runtime = runtimes[pod["model"]["runtime"]] if "model" in pod else {}
            yield name(resource), {**runtime, **pod}


def workloads_of(resource: Resource) -> Iterator[dict[str, Any]]:
    """Its pods' specs; an InferenceService's without what its runtime adds."""
    spec = resource.get("spec", {})
    match resource["kind"]:
        case "Deployment" | "Job":
            yield spec["template"]["spec"]
        case "InferenceService":
            yield spec["predictor"]
        case "TFJob":
            for replicas in spec["tfReplicaSpecs"].values():
                yield replicas["template"]["spec"]
        case "TrainingRuntime":
            for job in spec["template"]["spec"]["replicatedJobs"]:
                yield job["template"]["spec"]["template"]["spec"]


def are_all_looked_into(resources: list[Resource]) -> Iterator[str]:
    """A kind with containers that `workloads` does not know would pass unseen."""
    for resource in resources:
        known = resource["kind"] in _MADE_OF_OTHERS or any(workloads_of(resource))
        if not known and _has_containers(resource):
            yield f"{resource['kind']} {name(resource)}: no policy looks into this kind"


def _has_containers(value: Any) -> bool:
    if isinstance(value, dict):
        return "containers" in value or any(map(_has_containers, value.values()))
    return isinstance(value, list) and any(map(_has_containers, value))


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def run_locked_down(resources: list[Resource]) -> Iterator[str]:
    """No root, no new rights, no writing outside volumes, no API token."""
    for owner, spec in workloads(resources):
        pod_context = spec.get("securityContext", {})
        if not (pod_context.get("runAsNonRoot") and pod_context.get("runAsUser")):
            yield f"{owner}: pods may run as root"
        if pod_context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{owner}: pods run without the default seccomp profile"
        if spec.get("automountServiceAccountToken") is not False:
            yield f"{owner}: pods get a token for the Kubernetes API"
        for container in _containers(spec):
            context = container.get("securityContext", {})
            if context.get("allowPrivilegeEscalation") is not False:
                yield f"{container['name']} may gain privileges"
            if context.get("readOnlyRootFilesystem") is not True:
                yield f"{container['name']} may write to its image"
            if context.get("capabilities", {}).get("drop") != ["ALL"]:
                yield f"{container['name']} keeps capabilities"


def say_what_they_need(resources: list[Resource]) -> Iterator[str]:
    """CPU and memory, both as requests and as limits."""
    for _, spec in workloads(resources):
        for container in _containers(spec):
            for kind in ("requests", "limits"):
                stated = container.get("resources", {}).get(kind, {})
                for resource in {"cpu", "memory"} - set(stated):
                    yield f"{container['name']} has no {resource} in its {kind}"


def have_pinned_images(resources: list[Resource]) -> Iterator[str]:
    """A version or a whole digest, and never `latest`; in production a digest."""
    in_production = is_production(resources)
    for about, parts in _images(resources):
        tag, digest = (parts["tag"], parts["digest"]) if parts else (None, None)
        if tag == "latest" or not (tag or digest):
            yield f"{about} is not pinned"
        elif in_production and not digest:
            yield f"{about} has no digest, and this is production"


def have_real_digests(resources: list[Resource]) -> Iterator[str]:
    """Only the repository itself may have the zeros that stand for a digest."""
    for about, parts in _images(resources):
        if parts and parts["digest"] == NO_DIGEST_YET:
            yield f"{about} has zeros for a digest: fill in yours (k8s/README.md)"


def is_production(resources: list[Resource]) -> bool:
    """Whether the namespace says so."""
    labels = [
        each["metadata"].get("labels", {})
        for each in resources
        if each["kind"] == "Namespace"
    ]
    return any(each.get("environment") == "production" for each in labels)


def _images(
    resources: list[Resource],
) -> Iterator[tuple[str, re.Match[str] | None]]:
    for _, spec in workloads(resources):
        for container in _containers(spec):
            image = container["image"]
            yield f"{container['name']}: image {image}", _IMAGE.fullmatch(image)


def are_probed(resources: list[Resource]) -> Iterator[str]:
    """All three probes; liveness is slower to act than readiness."""
    for deployment in deployments(resources):
        for container in pod_spec(deployment)["containers"]:
            probes = [f"{kind}Probe" for kind in ("startup", "readiness", "liveness")]
            missing = [probe for probe in probes if probe not in container]
            yield from (f"{container['name']} has no {probe}" for probe in missing)
            if missing:
                continue
            readiness, liveness = (
                container["readinessProbe"],
                container["livenessProbe"],
            )
            if _patience_s(liveness) <= _patience_s(readiness):
                yield f"{container['name']} is killed before it is taken out of service"
            if liveness["httpGet"]["path"] == readiness["httpGet"]["path"]:
                yield f"{container['name']} is killed for not being ready"


def drain_before_they_die(resources: list[Resource]) -> Iterator[str]:
    """The preStop sleep ends within the grace period."""
    for deployment in deployments(resources):
        grace_s = pod_spec(deployment).get("terminationGracePeriodSeconds", 30)
        for container in pod_spec(deployment)["containers"]:
            hook = container.get("lifecycle", {}).get("preStop", {})
            command = hook.get("exec", {}).get("command", [])
            if command[:1] != ["sleep"]:
                yield f"{container['name']} does not wait for its endpoint to go"
            elif int(command[1]) >= grace_s:
                yield f"{container['name']} sleeps past the grace period of {grace_s} s"


def _patience_s(probe: dict[str, Any]) -> int:
    return probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
