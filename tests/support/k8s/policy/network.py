"""Policies on whom the pods may reach, and who may reach them."""

import ipaddress
from collections.abc import Iterator
from typing import Any

from tests.support.k8s.rendering import Resource, name

_PRIVATE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"}
# Wider than any cloud's own block: half of the internet is the internet, too.
_WIDEST_PREFIX = 8
_KSERVE = "serving.kserve.io/inferenceservice"


def pods_are_behind_a_policy(resources: list[Resource]) -> Iterator[str]:
    """Without one that selects it, a pod reaches everything and all reach it."""
    policies = [e["spec"] for e in resources if e["kind"] == "NetworkPolicy"]
    selectors = [policy["podSelector"].get("matchLabels", {}) for policy in policies]
    for owner, labels in _pod_labels(resources):
        if not any(each.items() <= labels.items() for each in selectors):
            yield f"{owner}: no NetworkPolicy selects its pods"


def nobody_calls_just_anybody(resources: list[Resource]) -> Iterator[str]:
    """What a pod may reach is named; the internet is not the cluster's own network."""
    for policy in [each for each in resources if each["kind"] == "NetworkPolicy"]:
        about = f"NetworkPolicy {name(policy)}"
        if "Egress" not in policy["spec"]["policyTypes"]:
            yield f"{about} lets everything out"
        for rule in policy["spec"].get("egress", []):
            ports = rule.get("ports", [])
            if not ports or any("port" not in each for each in ports):
                yield f"{about} lets something out on any port"
            peers = rule.get("to", [])
            if not peers or not all(_names_somebody(peer) for peer in peers):
                yield f"{about} lets something out to anybody"
            for block in [each["ipBlock"] for each in peers if "ipBlock" in each]:
                if _is_wide(block) and not {*block.get("except", ())} >= _PRIVATE:
                    yield f"{about} lets out to private addresses"


def _pod_labels(resources: list[Resource]) -> Iterator[tuple[str, dict[str, str]]]:
    """Of what serves; KServe makes its pods, and labels them, itself."""
    for resource in resources:
        if resource["kind"] == "InferenceService":
            yield name(resource), {_KSERVE: name(resource)}
        elif resource["kind"] == "Deployment":
            yield name(resource), resource["spec"]["template"]["metadata"]["labels"]


def _names_somebody(peer: dict[str, Any]) -> bool:
    selectors = [peer.get("namespaceSelector"), peer.get("podSelector")]
    return "ipBlock" in peer or any(selectors)


def _is_wide(block: dict[str, Any]) -> bool:
    return ipaddress.ip_network(block["cidr"]).prefixlen < _WIDEST_PREFIX
