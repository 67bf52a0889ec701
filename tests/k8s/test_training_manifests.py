"""Manifests of a training on several hosts: its pods find each other."""

from typing import Any

import pytest
from click.testing import CliRunner

from pipeline.cluster import COUNT, INDEX, JOB, PORT, SERVICE, Cluster
from pipeline.commands.train import train
from tests.support.k8s import rendering
from tests.support.k8s.policy import pods
from tests.support.repository import ROOT

TREES = ("training-job", "training-tfjob", "training-trainjob")
trees = pytest.mark.parametrize("tree", TREES)


def pod(tree: str) -> dict[str, Any]:
    ((_, spec),) = pods.workloads(rendering.render(tree))
    return spec


def variables(tree: str) -> dict[str, str]:
    (container,) = pod(tree)["containers"]
    return {each["name"]: each["value"] for each in container.get("env", [])}


def resource(tree: str, kind: str) -> rendering.Resource:
    (found,) = (each for each in rendering.render(tree) if each["kind"] == kind)
    return found


@pytest.mark.parametrize("tree", ["training-job", "training-trainjob"])
def test_the_environment_names_the_pods_as_kubernetes_does(tree: str):
    given = variables(tree)
    assert given.keys() == {COUNT, JOB, SERVICE, PORT}
    last = int(given[COUNT]) - 1
    found = Cluster.of({**given, INDEX: str(last)})
    assert found is not None
    assert found.index == last
    names = {
        # The job's name and the index, in the domain that is the service's name.
        "training-job": "classifier-training-1.classifier-training:2222",
        # JobSet: <set>-<replicated job>-<its index>-<pod's index>.<set>
        "training-trainjob": "classifier-training-node-0-1.classifier-training:2222",
    }
    assert found.workers[last] == names[tree]


def test_the_job_is_one_pod_for_each_worker_in_the_service_s_domain():
    job, service = resource("training-job", "Job"), resource("training-job", "Service")
    spec, given = job["spec"], variables("training-job")
    assert spec["completionMode"] == "Indexed"
    assert {str(spec["completions"]), str(spec["parallelism"])} == {given[COUNT]}
    assert rendering.name(job) == given[JOB]
    assert pod("training-job")["subdomain"] == rendering.name(service) == given[SERVICE]
    assert service["spec"]["clusterIP"] == "None"
    labels = spec["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    (port,) = service["spec"]["ports"]
    assert str(port["port"]) == given[PORT]


def test_trainjob_and_its_runtime_agree_on_the_number_of_nodes():
    job = resource("training-trainjob", "TrainJob")
    runtime = resource("training-trainjob", "TrainingRuntime")
    nodes = {
        job["spec"]["trainer"]["numNodes"],
        runtime["spec"]["mlPolicy"]["numNodes"],
    }
    assert {str(each) for each in nodes} == {variables("training-trainjob")[COUNT]}
    assert job["spec"]["runtimeRef"]["name"] == rendering.name(runtime)
    given = variables("training-trainjob")
    assert given[JOB] == f"{rendering.name(job)}-node-0"


def test_tfjob_sets_its_own_variable_and_its_container_has_the_name_it_wants():
    assert variables("training-tfjob") == {}
    (container,) = pod("training-tfjob")["containers"]
    assert container["name"] == "tensorflow"
    assert [each["name"] for each in container["ports"]] == ["tfjob-port"]


@trees
def test_the_command_has_the_options_that_are_given(tree: str):
    (container,) = pod(tree)["containers"]
    assert container["command"] == ["ktp"]
    command, *options = container["args"]
    assert command == train.name
    told = CliRunner().invoke(train, ["--help"]).output
    for option in options:
        assert option.partition("=")[0] in told


@trees
def test_what_is_mounted_is_the_pipeline_s_claim(tree: str):
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod(tree)["volumes"]
        if "persistentVolumeClaim" in volume
    ]
    shared = resource("shared-volume", "PersistentVolumeClaim")
    assert claims == [rendering.name(shared)]


def test_the_page_names_every_way():
    page = (ROOT / "docs" / "distributed-training.md").read_text("utf-8")
    for tree in TREES:
        assert f"k8s/{rendering.OTHERS[tree]}" in page
