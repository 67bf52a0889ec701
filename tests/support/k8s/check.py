"""One tree as the cluster would get it, held to schemas and policies.

    make check-tree TREE=k8s/overlays/production

For a tree of yours that is about to be applied: what the repository leaves open, such
as zeros for a digest or YOUR-BUCKET, is a finding here. Needs kubectl.
"""

import json
import pathlib
import re
import sys
import warnings
from collections.abc import Iterator, Sequence

import kubernetes_validate

from tests.support.k8s import crds, rendering
from tests.support.k8s.policy import BEFORE_APPLYING, FOR_ALL, pods
from tests.support.k8s.rendering import Resource, name

OLDEST_KUBERNETES, NEWEST_KUBERNETES = "1.31", "1.37"
MISFITS = (
    ValueError,
    UserWarning,
    kubernetes_validate.SchemaNotFoundError,
    kubernetes_validate.ValidationError,
)
_LEFT_OPEN = re.compile(r"YOUR-[A-Z-]*[A-Z]")


def validate(resource: Resource, version: str) -> None:
    """Holds a resource to its schema.

    Raises:
        MISFITS: it does not fit, or there is no schema for its kind.
    """
    if (resource["apiVersion"], resource["kind"]) in crds.schemas():
        problems = list(crds.problems(resource))
        if problems:
            raise ValueError("; ".join(problems))
        return
    # Of an unknown kind the library only warns.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kubernetes_validate.validate(resource, version, strict=True)


def findings(resources: list[Resource]) -> Iterator[str]:
    """Everything that speaks against applying the tree."""
    for resource in resources:
        for version in (OLDEST_KUBERNETES, NEWEST_KUBERNETES):
            try:
                validate(resource, version)
            except MISFITS as error:
                yield f"{resource['kind']} {name(resource)}, {version}: {error}"
        for open_ in sorted({*_LEFT_OPEN.findall(json.dumps(resource))}):
            yield f"{resource['kind']} {name(resource)}: {open_} is for you to fill in"
    has_deployments = bool(pods.deployments(resources))
    for policy in BEFORE_APPLYING:
        if has_deployments or policy in (*FOR_ALL, pods.have_real_digests):
            yield from policy(resources)


def main(folders: Sequence[str]) -> int:
    """Prints what is found in the trees below `folders`."""
    if rendering.kubectl() is None:
        print("check-tree renders with kubectl 1.27 or later, and there is none")
        return 2
    found = [
        f"{folder}: {finding}"
        for folder in folders
        for finding in findings(rendering.render_folder(pathlib.Path(folder)))
    ]
    print("\n".join(found) or f"nothing to say against {', '.join(folders)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
