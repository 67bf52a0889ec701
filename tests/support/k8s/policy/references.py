"""Policies on what resources say about each other."""

from collections.abc import Iterator
from typing import Any

from tests.support.k8s.policy.pods import containers, deployments, pod_spec
from tests.support.k8s.rendering import Resource, name

_CLUSTER_WIDE = ("Namespace", "PersistentVolume")
_VOLUME_KINDS = {
    "configMap": ("ConfigMap", "name"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
    "secret": ("Secret", "secretName"),
}
# Made by hand, because a secret belongs in no repository.
_SECRETS = {"model-store-credentials", "classifier-tls", "classifier-tokens"}


def selectors_find_the_pods(resources: list[Resource]) -> Iterator[str]:
    """Of Deployment, Service, budget, network policy and spread."""
    pods = [deployment["spec"]["template"] for deployment in deployments(resources)]
    for owner, selector in _selectors(resources):
        if not selector or not any(_matches(selector, pod) for pod in pods):
            yield f"{owner} selects no pod of ours: {selector}"


def ports_exist(resources: list[Resource]) -> Iterator[str]:
    """Ports of Services, probes and policies are ports of the container."""
    for deployment in deployments(resources):
        served = pod_spec(deployment)["containers"]
        ports = {port["name"] for each in served for port in each.get("ports", [])}
        for owner, port in _used_ports(resources, deployment):
            if port not in ports:
                yield f"{owner} uses port {port}; there are {sorted(ports)}"


def autoscaler_owns_the_replicas(resources: list[Resource]) -> Iterator[str]:
    """Its target exists, and does not set the number itself."""
    by_name = {name(each): each for each in deployments(resources)}
    scalers = [each for each in resources if each["kind"] == "HorizontalPodAutoscaler"]
    targets = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]
    for target in targets:
        if target not in by_name:
            yield f"the autoscaler's target {target} does not exist"
        elif "replicas" in by_name[target]["spec"]:
            yield f"{target} sets replicas: each apply would undo the autoscaler"
    for each in by_name.keys() - set(targets):
        if "replicas" not in by_name[each]["spec"]:
            yield f"{each} has no autoscaler, and no number of replicas"


def volumes_exist(resources: list[Resource]) -> Iterator[str]:
    """Mounts name volumes, volumes and environment name resources of the overlay."""
    existing = {(each["kind"], name(each)) for each in resources}
    for deployment in deployments(resources):
        spec = pod_spec(deployment)
        volumes = {volume["name"] for volume in spec.get("volumes", [])}
        mounts = [
            mount["name"]
            for container in containers(deployment)
            for mount in container.get("volumeMounts", [])
        ]
        yield from (f"no volume {each} to mount" for each in set(mounts) - volumes)
        yield from (f"volume {each} is not mounted" for each in volumes - set(mounts))
        for kind, referred in _referred(spec):
            by_hand = kind == "Secret" and referred in _SECRETS
            if not by_hand and (kind, referred) not in existing:
                yield f"{name(deployment)} refers to {kind} {referred}: there is none"


def selectors_never_change(resources: list[Resource]) -> Iterator[str]:
    """Of Deployments: they are immutable, so every overlay has the same for a name."""
    for deployment in deployments(resources):
        labels = deployment["spec"]["selector"]["matchLabels"]
        track = "canary" if name(deployment).endswith("-canary") else "stable"
        if labels.get("track") != track:
            yield f"{name(deployment)} selects {labels}, not only its track {track}"


def gpus_are_not_scaled_by_processors(resources: list[Resource]) -> Iterator[str]:
    """A GPU server's processors idle while it is busy."""
    with_gpu = {
        name(each)
        for each in deployments(resources)
        for container in containers(each)
        if any("/gpu" in limit for limit in container["resources"].get("limits", {}))
    }
    for scaler in [e for e in resources if e["kind"] == "HorizontalPodAutoscaler"]:
        target = scaler["spec"]["scaleTargetRef"]["name"]
        kinds = {metric["type"] for metric in scaler["spec"]["metrics"]}
        if target in with_gpu and kinds <= {"Resource", "ContainerResource"}:
            yield f"{target} has a GPU and is scaled by its processors alone"


def everything_is_in_one_namespace(resources: list[Resource]) -> Iterator[str]:
    """The one that the overlay creates."""
    made = {name(each) for each in resources if each["kind"] == "Namespace"}
    for resource in resources:
        namespace = resource["metadata"].get("namespace")
        if resource["kind"] not in _CLUSTER_WIDE and {namespace} != made:
            yield f"{resource['kind']} {name(resource)} is in namespace {namespace}"


def _selectors(resources: list[Resource]) -> Iterator[tuple[str, dict[str, str]]]:
    for resource in resources:
        owner = f"{resource['kind']} {name(resource)}"
        spec = resource.get("spec", {})
        if resource["kind"] == "Service":
            yield owner, spec["selector"]
        elif resource["kind"] in ("Deployment", "PodDisruptionBudget"):
            yield owner, spec["selector"]["matchLabels"]
        elif resource["kind"] == "NetworkPolicy":
            yield owner, spec["podSelector"].get("matchLabels", {})
    for deployment in deployments(resources):
        for spread in pod_spec(deployment).get("topologySpreadConstraints", []):
            yield (
                f"spread of {name(deployment)}",
                spread["labelSelector"]["matchLabels"],
            )


def _matches(selector: dict[str, str], pod: dict[str, Any]) -> bool:
    return selector.items() <= pod["metadata"].get("labels", {}).items()


def _used_ports(
    resources: list[Resource], deployment: Resource
) -> Iterator[tuple[str, str]]:
    for resource in resources:
        if resource["kind"] == "Service":
            for port in resource["spec"]["ports"]:
                yield f"Service {name(resource)}", port["targetPort"]
        elif resource["kind"] == "NetworkPolicy":
            for rule in resource["spec"]["ingress"]:
                for port in rule["ports"]:
                    yield f"NetworkPolicy {name(resource)}", port["port"]
    for container in pod_spec(deployment)["containers"]:
        for key, value in container.items():
            if key.endswith("Probe"):
                yield f"{key} of {container['name']}", value["httpGet"]["port"]


def _referred(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "ServiceAccount", spec["serviceAccountName"]
    for volume in spec.get("volumes", []):
        for key, (kind, field) in _VOLUME_KINDS.items():
            if key in volume:
                yield kind, volume[key][field]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        for source in container.get("envFrom", []):
            if "configMapRef" in source:
                yield "ConfigMap", source["configMapRef"]["name"]
            else:
                yield "Secret", source["secretRef"]["name"]
