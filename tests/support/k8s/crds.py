"""Schemas of custom resources: what of them our manifests use, and nothing else.

    python -m tests.support.k8s.crds CRD.yaml …

writes `crds/<Kind>.json` anew from CustomResourceDefinitions of the projects that make
them: prometheus-operator, KServe, Kubeflow Trainer and Training Operator (all Apache
License 2.0). Whole they are megabytes. A field that no manifest of ours uses is left
out, so a new one, as a misspelt one, is refused until the schemas are written anew; and
then one that the project does not have is named.
"""

import functools
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import jsonschema
import yaml

from tests.support.k8s import rendering
from tests.support.k8s.rendering import Resource, name

Schema = dict[str, Any]

FOLDER = pathlib.Path(__file__).with_name("crds")
_KEPT = ("type", "enum", "pattern", "minimum", "maximum", "maxLength", "minLength")
_OPEN = "x-kubernetes-preserve-unknown-fields"
_INT_OR_STRING = "x-kubernetes-int-or-string"
# Every resource has them; the API server checks them itself.
_OF_ALL = {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
           "metadata": {"type": "object"}}  # fmt: skip


@functools.cache
def schemas() -> dict[tuple[str, str], Schema]:
    """All schemas, by API version and kind."""
    found = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
    return {(each["apiVersion"], each["kind"]): each["schema"] for each in found}


def problems(resource: Resource) -> Iterator[str]:
    """Says where a custom resource does not fit; an unknown kind does not either."""
    key = (resource.get("apiVersion", ""), resource.get("kind", ""))
    if key not in schemas():
        yield f"there is no schema for {key[1]} of {key[0]}"
        return
    validator = jsonschema.Draft202012Validator(schemas()[key])
    for error in validator.iter_errors(resource):
        place = "/".join(str(each) for each in error.absolute_path)
        yield f"{key[1]} {name(resource)}: {place}: {error.message}"


def pruned(schema: Schema, values: Sequence[Any], place: str = "") -> Schema:
    """Gives the schema of the fields that `values` have, and of no others.

    Raises:
        ValueError: a field is unknown, or one that is required is missing.
    """
    if schema.get(_INT_OR_STRING):
        return {"type": ["integer", "string"]}
    kept = {key: schema[key] for key in _KEPT if key in schema}
    if schema.get("type") == "array":
        items = [item for value in values for item in value]
        return {**kept, "items": pruned(schema["items"], items, f"{place}[]")}
    properties = schema.get("properties")
    if properties is None:
        rest = schema.get("additionalProperties")
        if isinstance(rest, dict):
            inner = [each for value in values for each in value.values()]
            kept["additionalProperties"] = pruned(rest, inner, f"{place}.*")
        return kept
    used = {key for value in values for key in value}
    unknown = used - properties.keys()
    if unknown and not schema.get(_OPEN):
        raise ValueError(f"{place} has no {', '.join(sorted(unknown))}")
    required = set(schema.get("required", ()))
    if missing := [key for key in required for value in values if key not in value]:
        raise ValueError(f"{place} lacks {', '.join(sorted(set(missing)))}")
    kept["properties"] = {
        key: pruned(
            properties[key], [v[key] for v in values if key in v], f"{place}.{key}"
        )
        for key in sorted(used & properties.keys())
    }
    kept["additionalProperties"] = False
    if required:
        kept["required"] = sorted(required)
    return kept


def _resources(version: str, kind: str) -> list[Resource]:
    return [
        resource
        for tree in rendering.TREES
        for resource in rendering.render(tree)
        if (resource["apiVersion"], resource["kind"]) == (version, kind)
    ]


def main(paths: Sequence[str]) -> None:
    """Writes a file for each kind that our manifests use."""
    FOLDER.mkdir(exist_ok=True)
    for path in paths:
        # The Helm charts' templates are no YAML in some places.
        definition = yaml.safe_load(pathlib.Path(path).read_text())
        spec = definition["spec"]
        kind = spec["names"]["kind"]
        for each in spec["versions"]:
            version = f"{spec['group']}/{each['name']}"
            resources = _resources(version, kind)
            if not resources:
                continue
            full = dict(each["schema"]["openAPIV3Schema"])
            full["properties"] = {**full["properties"], **_OF_ALL}
            found = {
                "apiVersion": version,
                "kind": kind,
                "schema": pruned(full, resources, kind),
            }
            text = json.dumps(found, indent=1, sort_keys=True)
            (FOLDER / f"{kind}.json").write_text(text + "\n")
            print(f"{kind} of {version}: {len(resources)} of ours")


if __name__ == "__main__":
    main(sys.argv[1:])
