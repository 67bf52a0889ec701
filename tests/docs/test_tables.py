"""The tables of settings and errors say what the code says."""

import dataclasses
import re

import pytest

from model.config import PRESETS
from model.overrides import allowed_values
from pipeline.config import DEFAULT_PRESET, SECTIONS, RunConfig
from serving.client import errors
from serving.client.config import ClientConfig
from tests.support.pages import Page
from tests.support.repository import ROOT

SETTINGS = Page("docs/settings-and-presets.md")


def shown(value: object) -> str:
    return "none" if value is None else str(value)


def settings_of(key: str) -> list[str]:
    """The value in each preset; once, where they are the same."""
    section, field = key.split(".")
    configs = [RunConfig.of(preset) for preset in PRESETS]
    values = [shown(getattr(getattr(config, section), field)) for config in configs]
    values = [value.lower() for value in values]  # As `--set` takes them.
    return values if len(set(values)) > 1 else values[:1]


def test_every_setting_of_a_run_is_told_with_its_defaults() -> None:
    told = {row[0].strip("`"): row[1].split(" · ") for row in SETTINGS.table("setting")}
    keys = allowed_values(RunConfig.of(), SECTIONS)
    assert told == {key: settings_of(key) for key in keys}


def test_every_setting_of_a_run_is_told_with_what_it_allows() -> None:
    told = {row[0].strip("`"): row[2] for row in SETTINGS.table("setting")}
    assert told == allowed_values(RunConfig.of(), SECTIONS)


def test_every_preset_is_told() -> None:
    rows = SETTINGS.table("preset")
    assert [row[0].strip("`") for row in rows] == list(PRESETS)
    assert "the default" in next(row[1] for row in rows if DEFAULT_PRESET in row[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_was_measured_at_is_what_it_promises(preset: str) -> None:
    (measured,) = (r[2] for r in SETTINGS.table("preset") if r[0].strip("`") == preset)
    description = PRESETS[preset].description
    for percent in re.findall(r"([\d.]+) %", measured):
        assert f"0.{percent.replace('.', '')}" in description
    for seconds in re.findall(r"(\d+) s of training", measured):
        assert f"{seconds} s of training" in description


def test_a_setting_that_another_page_tells_has_the_same_default_there() -> None:
    told = {
        row[0].strip("`"): row[1] for row in Page("docs/own-data.md").table("setting")
    }
    assert told
    assert told == {key: " · ".join(settings_of(key)) for key in told}


def test_every_setting_of_the_client_is_told_with_its_default() -> None:
    told = {}
    for names, default, _ in Page("docs/client.md").table("setting"):
        for name in re.findall(r"`(\w+)`", names):
            told[name] = default
    grouped = {"max_rows_per_request": 0, "max_parallel_requests": 1}
    for name, position in grouped.items():
        told[name] = told[name].split(", ")[position]
    fields = dataclasses.fields(ClientConfig)
    assert told == {field.name: shown(field.default) for field in fields}


def errors_told() -> dict[str, list[str]]:
    return {row[0].strip("`"): row[1:] for row in Page("docs/errors.md").table("class")}


def with_subclasses(kind: type[errors.ServingError]) -> list[type[errors.ServingError]]:
    kinds = kind.__subclasses__()
    return [*kinds, *(deeper for each in kinds for deeper in with_subclasses(each))]


@pytest.mark.parametrize("kind", with_subclasses(errors.ServingError))
def test_every_error_of_the_client_is_told_as_it_is(
    kind: type[errors.ServingError],
) -> None:
    statuses = ", ".join(map(str, kind.http_statuses))
    expected = [kind.grpc_code or "-", statuses or "-", kind.meaning, kind.advice]
    assert errors_told()[kind.__name__] == expected


def test_the_table_of_errors_has_no_other_class_of_the_client() -> None:
    told = {name for name, cells in errors_told().items() if len(cells) == 4}
    kinds = with_subclasses(errors.ServingError)
    assert told == {kind.__name__ for kind in kinds}


def test_every_metric_of_ours_is_told() -> None:
    told = {
        name
        for row in Page("docs/serving.md").table("name")
        for name in re.findall(r"`(\w+)`", row[0])
    }
    folder = ROOT / "serving" / "server" / "observation"
    source = "\n".join(path.read_text() for path in sorted(folder.glob("*.py")))
    named = set(re.findall(r"\{_(?:OURS|PREFIX)\}/?(\w+)", source))
    assert len(named) > 15
    assert told == named
