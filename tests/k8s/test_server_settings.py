"""What the manifests tell the server is what both servers understand."""

from typing import Any

import pytest
from google.protobuf import text_format

from model import contract
from scripts import k8s_config
from serving.client import protos
from serving.launch.presets import EMBEDDED_FOLDERS
from serving.server.flags import parse_flags
from tests.support.k8s import rendering
from tests.support.k8s.policy import flags, pods
from tests.support.k8s.rendering import OVERLAYS, Resource

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


def deployment(overlay: str) -> Resource:
    found = pods.deployments(rendering.render(overlay))
    return next(each for each in found if rendering.name(each) == "classifier")


def server(overlay: str) -> dict[str, Any]:
    return pods.pod_spec(deployment(overlay))["containers"][0]


def config_file(overlay: str, name: str) -> str:
    maps = [each for each in rendering.render(overlay) if each["kind"] == "ConfigMap"]
    texts = [
        each["data"][name]
        for each in maps
        if name in each["data"] and "canary" not in rendering.name(each)
    ]
    return texts[0]


def parsed(overlay: str, name: str, message: Any) -> Any:
    text = config_file(overlay, name)
    return text_format.Parse(text, message, descriptor_pool=protos.pool())


@overlays
def test_the_one_model_has_the_contract_s_name_and_is_where_it_is_mounted(overlay: str):
    config = parsed(overlay, "models.config", protos.ModelServerConfig())
    (model,) = config.model_config_list.config
    mounts = {mount["mountPath"] for mount in server(overlay)["volumeMounts"]}
    assert model.name == contract.MODEL_NAME
    assert model.base_path.startswith("gs://") or model.base_path in mounts


@overlays
def test_the_server_never_pads_requests(overlay: str):
    batching = parsed(overlay, "batching.config", protos.BatchingParameters())
    assert not batching.pad_variable_length_inputs


@pytest.mark.parametrize("overlay", sorted(set(OVERLAYS) - {"gpu"}))
def test_threads_are_as_many_as_the_container_s_cores(overlay: str):
    batching = parsed(overlay, "batching.config", protos.BatchingParameters())
    settings = flags.of(server(overlay))
    cores = server(overlay)["resources"]["limits"]["cpu"]
    assert str(batching.num_batch_threads.value) == cores
    assert settings["tensorflow_intra_op_parallelism"] == cores
    assert settings["tensorflow_inter_op_parallelism"] == cores


@overlays
def test_metrics_are_where_prometheus_is_told_to_look(overlay: str):
    template = deployment(overlay)["spec"]["template"]["metadata"]["annotations"]
    config = config_file(overlay, "monitoring.config")
    assert f'path: "{template["prometheus.io/path"]}"' in config
    assert "enable: true" in config
    port = template["prometheus.io/port"]
    assert flags.of(server(overlay))["rest_api_port"] == port


@overlays
def test_readiness_asks_for_a_version_that_answers(overlay: str):
    container = server(overlay)
    of_model = f"/v1/models/{contract.MODEL_NAME}/metadata"
    # What TF Serving offers, but where it would need a token.
    expected = "/readyz" if "bearer_token_file" in flags.of(container) else of_model
    assert container["readinessProbe"]["httpGet"]["path"] == expected
    assert container["startupProbe"]["httpGet"]["path"] == expected


@overlays
def test_the_embedded_server_takes_the_same_flags(overlay: str):
    flags, unknown = parse_flags(server(overlay)["args"])
    assert unknown == []
    flags.check()


EMBEDDED = [path.rpartition("/")[2] for path in EMBEDDED_FOLDERS]


@pytest.mark.parametrize("overlay", EMBEDDED)
def test_the_embedded_server_has_the_time_it_takes_to_drain(overlay: str):
    spec = pods.pod_spec(deployment(overlay))
    container = server(overlay)
    endpoint_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    drain_s = parse_flags(container["args"])[0].shutdown_limit_seconds
    assert endpoint_s + drain_s < spec["terminationGracePeriodSeconds"]


def test_the_canary_and_the_stable_version_are_pinned():
    for folder in ("stable", "new"):
        path = rendering.K8S_DIR / k8s_config.CANARY / folder / k8s_config.MODELS_FILE
        message = protos.ModelServerConfig()
        text_format.Parse(path.read_text(), message, descriptor_pool=protos.pool())
        (model,) = message.model_config_list.config
        (version,) = model.model_version_policy.specific.versions
        written = k8s_config.canary_texts(version, version)
        assert (
            path.read_text() == written[f"{k8s_config.CANARY}/{folder}/models.config"]
        )


def test_kserve_is_told_the_same():
    kserve = rendering.render("kserve")
    (runtime,) = (each for each in kserve if each["kind"] == "ServingRuntime")
    (container,) = runtime["spec"]["containers"]
    ours = flags.of(server("pvc"))
    theirs = flags.of(container)
    named = {"port", "rest_api_port", "model_name", "model_base_path"}
    assert {k: v for k, v in theirs.items() if k not in named} == {
        key: value for key, value in ours.items() if key in theirs and key not in named
    }
    assert ours.keys() - theirs.keys() == {
        *("model_config_file", "enable_grpc_healthcheck_service")
    }
    (maps,) = (each for each in kserve if each["kind"] == "ConfigMap")
    for name, text in maps["data"].items():
        assert text == config_file("pvc", name)
    (service,) = (each for each in kserve if each["kind"] == "InferenceService")
    assert rendering.name(service) == contract.MODEL_NAME
    uri = service["spec"]["predictor"]["model"]["storageUri"]
    assert uri.endswith(f"/{contract.SERVING_DIR}")


@pytest.mark.parametrize("path", k8s_config.texts())
def test_files_for_the_server_are_those_of_the_presets(path: str):
    assert path not in k8s_config.stale(), "run `make k8s-config`, and review"


def test_encrypted_ports_are_probed_and_scraped_as_such():
    container = server("tls")
    probes = [
        container[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")
    ]
    assert {probe["httpGet"]["scheme"] for probe in probes} == {"HTTPS"}
    template = deployment("tls")["spec"]["template"]["metadata"]
    assert template["annotations"]["prometheus.io/scheme"] == "https"
    services = [each for each in rendering.render("tls") if each["kind"] == "Service"]
    protocols = {p["appProtocol"] for each in services for p in each["spec"]["ports"]}
    assert protocols == {"grpcs", "https"}
