"""Dashboard and alerts ask for metrics and labels that a server really shows."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from serving.client import protos
from serving.server.models.version import State
from serving.server.observation.prometheus import metric_name
from serving.server.observation.registry import HISTOGRAM
from tests.support.k8s import rendering
from tests.support.repository import ROOT
from tests.support.serving.server.observed import entry, observe, record

FOLDER = ROOT / "k8s" / "components"
WITH_BOTH, EMBEDDED_ONLY = "monitoring", "monitoring-embedded"
METRIC = re.compile(r"(:[a-z][a-z_:]+)(?:\{([^}]*)\})?")
BY = re.compile(r"by \(([^)]*)\)")
LABEL = re.compile(r'([A-Za-z_]+)\s*(?:=|!=|=~|!~)\s*"')

# What Prometheus itself adds to every series.
TARGET_LABELS = {"pod", "instance", "namespace"}
# Prometheus' own series.
OUTSIDE = {"up"}
OURS = ":ktp:"


def expressions() -> Iterator[str]:
    text = (FOLDER / WITH_BOTH / "dashboard.json").read_text("utf-8")
    dashboard = json.loads(text)
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]
    for rule in alerts():
        yield rule["expr"]


def alerts(*components: str) -> list[dict[str, Any]]:
    paths = [
        FOLDER / component / "prometheusrule.yaml"
        for component in components or (WITH_BOTH, EMBEDDED_ONLY)
    ]
    contents = [yaml.safe_load(path.read_text("utf-8")) for path in paths]
    groups = [group for content in contents for group in content["spec"]["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def adapter_rules() -> list[dict[str, Any]]:
    path = FOLDER / "scale-on-requests" / "prometheus-adapter.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["rules"]["custom"]


@pytest.fixture(scope="module")
def shown() -> dict[str, set[str]]:
    """The labels of every series of a server, by the name it has on the page."""
    observation = observe(entry("/var/log/requests"))
    labels: dict[str, set[str]] = {}
    for family in observation.metrics.registry.collect():
        name = metric_name(family.name)
        if family.kind == HISTOGRAM:
            labels[f"{name}_bucket"] = {*family.label_names, "le"}
            labels[f"{name}_sum"] = labels[f"{name}_count"] = set(family.label_names)
        else:
            labels[name] = set(family.label_names)
    return labels


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_and_label_asked_for_exists(
    expression: str, shown: dict[str, set[str]]
) -> None:
    if any(expression.startswith(f"absent({each}") for each in OUTSIDE):
        return
    used = list(METRIC.finditer(expression))
    grouped = {
        label.strip()
        for labels in BY.findall(expression)
        for label in labels.split(",")
    }
    assert used
    for metric in used:
        assert metric[1] in shown
        selected = set(LABEL.findall(metric[2] or ""))
        assert selected - TARGET_LABELS <= shown[metric[1]]
        assert grouped - TARGET_LABELS <= shown[metric[1]]


def test_an_alert_names_only_labels_that_its_expression_leaves() -> None:
    for rule in alerts():
        named = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        left = {label.strip() for labels in BY.findall(rule["expr"])
                for label in labels.split(",")}  # fmt: skip
        assert named <= left, rule["alert"]


def test_the_number_of_a_failed_version_is_the_server_s() -> None:
    (rule,) = (r for r in alerts() if r["alert"] == "ClassifierVersionFailedToLoad")
    assert rule["expr"].endswith(f"== {int(State.END)}")
    assert protos.enum(protos.VERSION_STATE).Value("END") == State.END


def test_an_unready_model_is_seen_by_its_alert() -> None:
    observation = observe(entry("/var/log/requests"))
    observation.metrics.on_request(record())
    families = {f.name: f for f in observation.metrics.registry.collect()}
    assert families["/ktp/serving/unready_model"].samples == [(("m",), 1)]


def test_alerts_beside_tf_serving_ask_for_nothing_that_it_lacks() -> None:
    assert not [r["alert"] for r in alerts(WITH_BOTH) if OURS in r["expr"]]
    assert all(OURS in rule["expr"] for rule in alerts(EMBEDDED_ONLY))


def test_every_alert_says_what_to_do_and_the_page_has_its_section() -> None:
    page = (ROOT / "k8s" / "README.md").read_text("utf-8")
    for rule in alerts():
        assert rule["annotations"].keys() == {"summary", "description"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert f"| `{rule['alert']}` |" in page


def test_the_autoscalers_metric_is_made_of_one_that_the_servers_show(
    shown: dict[str, set[str]],
) -> None:
    (rule,) = adapter_rules()
    (metric,) = re.findall(r'__name__="([^"]+)"', rule["seriesQuery"])
    assert metric in shown
    for overlay in ("production", "production-embedded", "gpu"):
        (scaler,) = (
            each
            for each in rendering.render(overlay)
            if each["kind"] == "HorizontalPodAutoscaler"
        )
        asked = [m for m in scaler["spec"]["metrics"] if m["type"] == "Pods"]
        assert [m["pods"]["metric"]["name"] for m in asked] == [rule["name"]["as"]]


def test_a_gpu_server_is_not_scaled_by_its_processors() -> None:
    (scaler,) = (
        each
        for each in rendering.render("gpu")
        if each["kind"] == "HorizontalPodAutoscaler"
    )
    assert {metric["type"] for metric in scaler["spec"]["metrics"]} == {"Pods"}


@pytest.mark.parametrize("tree", rendering.TREES)
def test_alerts_ask_after_the_pods_of_their_own_namespace(tree: str) -> None:
    """Else a staging that fails would wake those who watch production."""
    for each in rendering.render(tree):
        if each["kind"] == "PrometheusRule":
            own = each["metadata"]["namespace"]
            rules = [
                rule for group in each["spec"]["groups"] for rule in group["rules"]
            ]
            for rule in rules:
                first = re.findall(r'(\w+)="([^"]*)"', rule["expr"])[0]
                assert first == ("namespace", own), rule["alert"]


def test_nobody_is_woken_for_staging() -> None:
    (rules,) = (
        each for each in rendering.render("staging") if each["kind"] == "PrometheusRule"
    )
    severities = [
        rule["labels"]["severity"]
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
    ]
    assert set(severities) == {"warning"}


def test_a_panel_counts_only_the_namespaces_that_are_chosen() -> None:
    text = (FOLDER / WITH_BOTH / "dashboard.json").read_text("utf-8")
    dashboard = json.loads(text)
    assert "namespace" in [each["name"] for each in dashboard["templating"]["list"]]
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            selections = [each[2] or "" for each in METRIC.finditer(target["expr"])]
            assert all('namespace=~"$namespace"' in each for each in selections)
