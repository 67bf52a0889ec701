"""Prometheus' text format as tensorflow_model_server writes it, and where it stands."""

import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator

from google.protobuf import text_format

from serving.client import protos
from serving.client.wire.tf_serving_names import METRICS_PATH
from serving.server.config_files import parse_message, read_settings
from serving.server.observation.registry import Family, HistogramValue, Registry

_NOT_IN_NAME = re.compile(r"[^a-zA-Z0-9_]")
_NOT_IN_LABEL = re.compile(r"[^a-zA-Z0-9]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclasses.dataclass(frozen=True, kw_only=True)
class PrometheusConfig:
    """Whether metrics are shown, and at which path of the REST port."""

    enable: bool = False
    path: str = METRICS_PATH

    @classmethod
    def from_file(cls, path: str) -> "PrometheusConfig":
        """Reads a file with a text-format MonitoringConfig; "" means off.

        Raises:
            StatusError: INVALID_ARGUMENT, the file cannot be read or parsed.
        """
        return read_settings(path, cls.from_text) if path else cls()

    @classmethod
    def from_text(cls, text: str) -> "PrometheusConfig":
        """Reads a text-format MonitoringConfig; raises `ValueError` for another."""
        config = parse_message(text, protos.MonitoringConfig).prometheus_config
        return cls(enable=config.enable, path=config.path or METRICS_PATH)

    def to_text(self) -> str:
        """Writes the file for `--monitoring_config_file`."""
        message = protos.MonitoringConfig()
        message.prometheus_config.enable = self.enable
        message.prometheus_config.path = self.path
        return text_format.MessageToString(message)


def answer(registry: Registry, path: str, query: str) -> tuple[int, str]:
    """Gives HTTP status and text of the page at `path`, which knows no query."""
    if query:
        # Upstream takes path and query for one name, and this one is not its own.
        return 400, f"Unexpected path: {path}?{query}. Should be {path}"
    return 200, render(registry.collect())


def render(families: Iterable[Family]) -> str:
    """Writes the page."""
    return "\n".join(line for family in families for line in _lines(family)) + "\n"


def _lines(family: Family) -> Iterator[str]:
    name = metric_name(family.name)
    yield f"# TYPE {name} {family.kind}"
    label_names = [_renamed(_NOT_IN_LABEL, "_", label) for label in family.label_names]
    for values, value in family.samples:
        pairs = zip(label_names, values, strict=True)
        labels = ",".join(f'{n}="{v.translate(_ESCAPES)}"' for n, v in pairs)
        if isinstance(value, HistogramValue):
            yield from _histogram_lines(name, labels, value)
        else:
            yield f"{name}{{{labels}}} {_number(value)}"


def _histogram_lines(name: str, labels: str, value: HistogramValue) -> Iterator[str]:
    prefix = f"{name}_bucket{{{labels},le=" if labels else f"{name}_bucket{{le="
    cumulative = 0
    for end, count in zip(_bucket_ends(value.bounds), value.counts, strict=True):
        cumulative += count
        yield f"{prefix}{end} {cumulative}"
    yield f"{name}_sum{{{labels}}} {_number(value.total)}"
    yield f"{name}_count{{{labels}}} {cumulative}"


@functools.lru_cache(maxsize=64)
def _bucket_ends(bounds: tuple[float, ...]) -> list[str]:
    # Six digits: upstream's, and the identity of the series.
    return [f'"{bound:g}"}}' for bound in bounds] + ['"+Inf"}']


def metric_name(name: str) -> str:
    """Turns `/tensorflow/serving/x` into Prometheus' `:tensorflow:serving:x`."""
    return _renamed(_NOT_IN_NAME, ":", name)


def _renamed(wrong: re.Pattern[str], right: str, name: str) -> str:
    replaced = wrong.sub(right, name)
    return f"_{replaced}" if replaced[:1].isdigit() else replaced


def _number(value: float) -> str:
    # Upstream's sums have six digits, too few for a rate after a few days.
    return f"{value:.15g}"
