"""A side-by-side measurement as text, as pictures and as a page."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.harness import plot
from benchmarks.harness.side_by_side import Result, SideBySide
from benchmarks.harness.targets import MANY, targets

NAMES = {"grpc": "gRPC", "rest": "REST"}
COLOURS = {"grpc": "blue", "rest": "orange"}
# Above so many busy cores, the neighbours are measured, too.
QUIET = 0.1
HEAD = (
    *("", "texts/s", "p50 ms", "p95 ms", "p99 ms", "max ms"),
    *("client us", "server us", "rows/batch", "errors", "unsent"),
)


def to_text(result: SideBySide) -> str:
    """The table of one placement, then the promises."""
    lines = [title(result), disturbance(result), _line(HEAD)]
    lines += [_line(row) for row in rows(result)]
    lines += ["", *(target.to_text() for target in targets(result))]
    return "\n".join([*lines, *overheads(result)])


def overheads(result: SideBySide) -> list[str]:
    """Where the server's processor time goes; busy neighbours hardly change it."""
    model_us, limit = result.best.cpu_us_per_text, result.best.texts_per_s
    # Little's law; where it is above the promised p99, no server could keep that.
    least = (
        f"{MANY} clients at the in-process limit would wait {MANY / limit * 1e3:.1f} ms"
    )
    return [
        f"{least} on average",
        *(
            f"{NAMES[load['transport']]}, {MANY} clients: the server spends "
            f"{load['server_cpu_us']:.0f} us per request; the model alone takes "
            f"{model_us:.0f} in process"
            for load in result.closed
            if load["clients"] == MANY and load["server_cpu_us"]
        ),
    ]


def title(result: SideBySide) -> str:
    """Who ran where."""
    cores = result.placement
    if cores.is_shared:
        return f"{cores.name}: client and server share {len(cores.server)} cores"
    return (
        f"{cores.name}: server and in-process limit on {_cores(cores.server)}, "
        f"client on {_cores(cores.client)}"
    )


def disturbance(result: SideBySide) -> str:
    """Whether the numbers can be trusted."""
    cores = result.disturbance
    advice = ": too much, measure again" if cores > QUIET else ""
    return f"other programs used {cores:.2f} cores meanwhile{advice}"


def _warning(result: SideBySide) -> str:
    return "; DISTURBED by other programs" if result.disturbance > QUIET else ""


def rows(result: SideBySide) -> list[tuple[str, ...]]:
    """Cells of the table, the in-process limit first."""
    table = []
    for name, calls in (("in process, one text", result.single), ("", result.best)):
        what = name or f"in process, {calls.threads} x {calls.rows} texts"
        times = (f"{calls.p50_ms:.2f}", "", f"{calls.p99_ms:.2f}", "")
        cpu = f"{calls.cpu_us_per_text:.0f}"
        table.append(
            (
                what,
                f"{calls.texts_per_s:.0f}",
                *times,
                "",
                cpu,
                str(calls.rows),
                *("", ""),
            )
        )
    return table + [_load_row(load) for load in (*result.closed, *result.swept)]


def _load_row(load: Result) -> tuple[str, ...]:
    many = "" if load["clients"] == 1 else "s"
    how = (
        f"{load['clients']} client{many}"
        if load["clients"]
        else f"{load['rate']:.0f}/s"
    )
    latency = load["latency_ms"]
    return (
        f"{NAMES[load['transport']]}, {how}",
        f"{load['texts_per_s']:.0f}",
        *(
            f"{latency[p]:.2f}" if latency else "-"
            for p in ("p50", "p95", "p99", "max")
        ),
        *(_number(load[name], 0) for name in ("client_cpu_us", "server_cpu_us")),
        _number(load["mean_batch_size"], 1),
        str(sum(load["errors"].values())),
        str(load["not_sent"]),
    )


def chart(result: SideBySide, model: str) -> str:
    """Latency over throughput, as SVG."""
    transports = list(dict.fromkeys(load["transport"] for load in result.closed))
    series = [_swept(result, t, p) for t in transports for p in ("p50", "p99")]
    series += [_closed(result, transport) for transport in transports]
    rules = _limits(result)
    points = [point for one in series for point in one.points]
    rates = [*(x for x, _ in points), *(x for x, _ in rules)]
    times = [*(y for _, y in points), result.single.p50_ms]
    return plot.draw(
        plot.Chart(
            title=f"Latency against throughput: {model}",
            note=f"{title(result)}; Poisson arrivals, one text each{_warning(result)}",
            x_axis=plot.linear_axis("texts per second", rates),
            y_axis=plot.log_axis("milliseconds", times),
            series=series,
            rules=rules,
        )
    )


def _swept(result: SideBySide, transport: str, percentile: str) -> plot.Series:
    loads = [load for load in result.swept if load["transport"] == transport]
    return plot.Series(
        name=f"{NAMES[transport]} {percentile}",
        css=COLOURS[transport] + (" dashed" if percentile == "p99" else ""),
        points=_points(loads, percentile),
    )


def _closed(result: SideBySide, transport: str) -> plot.Series:
    loads = [load for load in result.closed if load["transport"] == transport]
    return plot.Series(
        name=f"{NAMES[transport]} p50, n clients",
        css=COLOURS[transport],
        points=_points(loads, "p50"),
        is_line=False,
        labels=[str(load["clients"]) for load in loads],
        is_left=transport == "grpc",
    )


def _limits(result: SideBySide) -> list[tuple[float, str]]:
    limit = result.best.texts_per_s
    limits = [(limit, f"in-process limit {limit:,.0f}")]
    for transport, name in NAMES.items():
        many = result.point(transport, MANY)
        if many is not None and many["client_cpu_us"]:
            share = result.fair_share(many["client_cpu_us"])
            if share < 0.99 * limit:
                limits.append((share, f"less the {name} client's time {share:,.0f}"))
    return limits


def page(results: Sequence[SideBySide], facts: Mapping[str, Any]) -> str:
    """One HTML file with everything in it."""
    items = "".join(
        f"<dt>{html.escape(str(name))}</dt><dd>{html.escape(str(value))}</dd>"
        for name, value in facts.items()
    )
    sections = "".join(_section(result, str(facts["model"])) for result in results)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Serving benchmark</title><style>{_PAGE_STYLE}</style>"
        f"<h1>Serving benchmark</h1>{sections}"
        f"<h2>Measured on</h2><dl>{items}</dl></html>"
    )


def _section(result: SideBySide, model: str) -> str:
    head = "".join(f"<th>{cell}</th>" for cell in HEAD)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows(result)
    )
    promises = "".join(
        f'<li class="{"met" if target.is_met else "missed"}">'
        f"{html.escape(' '.join(target.to_text().split()))}</li>"
        for target in targets(result)
    )
    return (
        f"<h2>{html.escape(title(result))}</h2><p>{disturbance(result)}.</p>"
        f"<figure>{chart(result, model)}</figure>"
        f"<ul>{promises}</ul><p>{'<br>'.join(overheads(result))}</p>"
        f"<div><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def _points(loads: Sequence[Result], percentile: str) -> list[tuple[float, float]]:
    return [
        (load["texts_per_s"], load["latency_ms"][percentile])
        for load in loads
        if load["latency_ms"] and not load["not_sent"]
    ]


def _line(cells: Sequence[str]) -> str:
    return f"{cells[0]:24}" + "".join(f"{cell:>11}" for cell in cells[1:])


def _number(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _cores(cores: frozenset[int]) -> str:
    numbers = ", ".join(str(core) for core in sorted(cores))
    return f"core{'s' if len(cores) > 1 else ''} {numbers}"


_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; background: light-dark(#fff, #191918);
       color: light-dark(#1b1b1a, #f1f0ec); }
figure { margin: 0; } svg { width: 100%; height: auto; }
div { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .2rem .6rem; text-align: right; white-space: nowrap;
         border-bottom: 1px solid light-dark(#e4e3de, #353431); }
th:first-child, td:first-child { text-align: left; }
ul { list-style: none; padding: 0; } .met::before { content: "✓ "; color: #2e9b6b; }
.missed::before { content: "✗ "; color: #d9483b; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
"""
