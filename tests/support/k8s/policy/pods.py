"""Policies on what runs in the pods."""

import re
from collections.abc import Iterator
from typing import Any

from tests.support.k8s.rendering import Resource, name

_PINNED = re.compile(r"(:(?!latest$)[\w][\w.-]*|@sha256:[0-9a-f]{64})$")


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
        spec = resource.get("spec", {})
        match resource["kind"]:
            case "Deployment" | "Job":
                yield name(resource), spec["template"]["spec"]
            case "InferenceService":
                predictor = spec["predictor"]
                runtime = runtimes[predictor["model"]["runtime"]]
                yield name(resource), {**runtime, **predictor}
            case "TFJob":
                for replicas in spec["tfReplicaSpecs"].values():
                    yield name(resource), replicas["template"]["spec"]
            case "TrainingRuntime":
                for job in spec["template"]["spec"]["replicatedJobs"]:
                    pod = job["template"]["spec"]["template"]["spec"]
                    yield name(resource), pod


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
    """A version or a digest, and never `latest`; in production a digest."""
    labels = [
        each["metadata"].get("labels", {})
        for each in resources
        if each["kind"] == "Namespace"
    ]
    is_production = any(each.get("environment") == "production" for each in labels)
    for _, spec in workloads(resources):
        for container in _containers(spec):
            about = f"{container['name']}: image {container['image']}"
            if not _PINNED.search(container["image"]):
                yield f"{about} is not pinned"
            elif is_production and "@sha256:" not in container["image"]:
                yield f"{about} has no digest, and this is production"


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
