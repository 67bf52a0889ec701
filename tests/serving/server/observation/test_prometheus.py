"""The page that Prometheus reads, character by character where upstream fixed it."""

import pathlib
import re

import pytest

from serving.client.wire.tf_serving_names import METRICS_PATH
from serving.server.observation.from_flags import ServerMetrics
from serving.server.observation.prometheus import (
    PrometheusConfig,
    answer,
    metric_name,
    render,
)
from serving.server.observation.registry import Registry, exponential_bounds
from serving.server.status import StatusError
from tests.support.serving.server.observed import FakeModels, record
from tests.support.serving.server.prometheus_reader import read_page


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_a_counter_is_a_type_line_and_its_samples(registry: Registry) -> None:
    count = registry.counter("/tensorflow/serving/request_count", "model_name", "a-b")
    count.cell("b", "x").add(2)
    count.cell("a", "x").add(12_345_678)
    assert render(registry.collect()) == (
        "# TYPE :tensorflow:serving:request_count counter\n"
        ':tensorflow:serving:request_count{model_name="a",a_b="x"} 12345678\n'
        ':tensorflow:serving:request_count{model_name="b",a_b="x"} 2\n'
    )


def test_a_metric_without_labels_keeps_its_braces(registry: Registry) -> None:
    registry.counter("/runs").cell().add()
    registry.watch("/size", lambda: 2.5)
    assert render(registry.collect()) == (
        "# TYPE :runs counter\n:runs{} 1\n# TYPE :size gauge\n:size{} 2.5\n"
    )


def test_a_metric_nobody_has_used_shows_its_type_only(registry: Registry) -> None:
    registry.histogram("/tensorflow/x", "model", bounds=[1.0])
    assert render(registry.collect()) == "# TYPE :tensorflow:x histogram\n"


def test_buckets_are_cumulative_and_end_with_infinity(registry: Registry) -> None:
    size = registry.histogram("/h", "m", bounds=[1, 2.5]).cell("a")
    for value in (0.5, 2, 2.4, 100):
        size.add(value)
    assert render(registry.collect()) == (
        "# TYPE :h histogram\n"
        ':h_bucket{m="a",le="1"} 1\n'
        ':h_bucket{m="a",le="2.5"} 3\n'
        ':h_bucket{m="a",le="+Inf"} 4\n'
        ':h_sum{m="a"} 104.9\n'
        ':h_count{m="a"} 4\n'
    )


def test_latency_buckets_are_spelt_as_upstream_spells_them(registry: Registry) -> None:
    registry.histogram("/h", bounds=exponential_bounds(10, 1.8, 33)).cell()
    ends = re.findall(r':h_bucket{le="(.*)"}', render(registry.collect()))
    assert ends[:7] == ["10", "18", "32.4", "58.32", "104.976", "188.957", "340.122"]
    assert ends[20:22] == ["1.27482e+06", "2.29468e+06"]
    assert len(ends) == 34
    assert ends[-1] == "+Inf"


def test_upstream_counts_a_value_on_a_bound_in_the_next_bucket(
    registry: Registry,
) -> None:
    registry.histogram("/h", bounds=[1, 2], below_bound=True).cell().add(1)
    assert ':h_bucket{le="1"} 0\n:h_bucket{le="2"} 1\n' in render(registry.collect())


def test_label_values_cannot_break_out(registry: Registry) -> None:
    registry.counter("/c", "m").cell('a"b\\c\nd').add()
    assert '{m="a\\"b\\\\c\\nd"} 1\n' in render(registry.collect())


@pytest.mark.parametrize(
    "name, shown",
    [("/tensorflow/core/a_b-c", ":tensorflow:core:a_b:c"), ("2x.y", "_2x:y")],
)
def test_names_turn_into_prometheus_names(name: str, shown: str) -> None:
    assert metric_name(name) == shown


def test_the_page_shows_every_metric(registry: Registry) -> None:
    registry.counter("/c").cell().add()
    page = (200, "# TYPE :c counter\n:c{} 1\n")
    assert answer(registry, METRICS_PATH, "") == page


def test_a_query_string_is_an_unexpected_path(registry: Registry) -> None:
    assert answer(registry, "/m", "name[]=x") == (
        400,
        "Unexpected path: /m?name[]=x. Should be /m",
    )


@pytest.mark.parametrize(
    "text, config",
    [
        ("", PrometheusConfig()),
        ("prometheus_config { enable: true }", PrometheusConfig(enable=True)),
        (
            'prometheus_config { enable: true, path: "/metrics" }',
            PrometheusConfig(enable=True, path="/metrics"),
        ),
        ('prometheus_config { path: "/metrics" }', PrometheusConfig(path="/metrics")),
    ],
)
def test_the_monitoring_file_says_whether_and_where(
    tmp_path: pathlib.Path, text: str, config: PrometheusConfig
) -> None:
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    assert PrometheusConfig.from_file(str(file)) == config
    assert PrometheusConfig.from_text(config.to_text()) == config


def test_without_a_monitoring_file_there_are_no_metrics() -> None:
    assert PrometheusConfig.from_file("") == PrometheusConfig(enable=False)


@pytest.mark.parametrize("text", ["prometheus_config { enabled: true }", "no"])
def test_a_bad_monitoring_file_is_refused_in_upstream_s_words(
    tmp_path: pathlib.Path, text: str
) -> None:
    file = tmp_path / "monitoring.config"
    file.write_text(text)
    words = f"Invalid protobuf file: '{file}'.*tensorflow.serving.MonitoringConfig"
    with pytest.raises(StatusError, match=words):
        PrometheusConfig.from_file(str(file))
    with pytest.raises(StatusError, match="Cannot read"):
        PrometheusConfig.from_file(str(tmp_path / "absent"))


def test_a_scraper_reads_a_server_s_page_and_there_is_no_help() -> None:
    metrics = ServerMetrics(FakeModels("m"))
    metrics.on_request(record())
    metrics.on_batch([0.1], [1], 1)
    text = render(metrics.registry.collect())
    assert sum(map(len, read_page(text).samples.values())) > 200
    assert "# HELP" not in text


UPSTREAM = {
    "tensorflow:cc:saved_model:load_attempt_count": "counter",
    "tensorflow:cc:saved_model:load_latency": "counter",
    "tensorflow:serving:batching_session:queuing_latency": "histogram",
    "tensorflow:serving:batching_session:wrapped_run_count": "counter",
    "tensorflow:serving:model_warmup_latency": "histogram",
    "tensorflow:serving:model_warmup_records_read": "counter",
    "tensorflow:serving:request_count": "counter",
    "tensorflow:serving:request_example_count_total": "counter",
    "tensorflow:serving:request_example_counts": "histogram",
    "tensorflow:serving:request_latency": "histogram",
    "tensorflow:serving:request_log_count": "counter",
    "tensorflow:serving:runtime_latency": "histogram",
}


def test_every_metric_of_upstream_is_there_and_ours_have_their_own_prefix() -> None:
    kinds = read_page(render(ServerMetrics(FakeModels()).registry.collect())).kinds
    assert kinds.items() >= {f":{n}": kind for n, kind in UPSTREAM.items()}.items()
    known = (":tensorflow:serving:", ":tensorflow:cc:", ":ktp:serving:")
    assert [name for name in kinds if not name.startswith(known)] == []
