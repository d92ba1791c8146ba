"""The page of figures, and its plots."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from bench import argo, report, shapes

ABOUT: dict[str, Any] = dict.fromkeys(report._MACHINE, "x")
MEASURED: dict[str, Any] = {
    **{f"{shape}_p50_ms": 1000.0 for shape in shapes.SHAPES},
    **{f"{shape}_p95_ms": 1500.0 for shape in shapes.SHAPES},
    **{f"{shape}_count": 40 for shape in shapes.SHAPES},
    "one_step_writes": 5.0,
    "one_step_all_writes": 12.0,
    **{f"growth_{level}_{name}": 400.0 for level in (10, 5000) for name in ("p50_ms", "bare_p50_ms", "rss_mib")},
    **{f"growth_{level}_count": 20 for level in (10, 5000)},
    **{f"queued_{name}": 7.0 for name in ("count", "per_second", "seconds", "cpu_ms_per_step", "rss_mib")},
    "metrics_us_per_step": 140.0,
    "metrics_scrape_ms": 5.0,
    "about": ABOUT,
}
CALL = {"workflows": 5000, "call": "get_run", "clients": 16, "per_second": 300.0, "p50_ms": 3.0, "own_ms": 1.5}


def test_every_shape_is_explained():
    assert report.MEANING.keys() == set(shapes.SHAPES)


def test_the_page_says_what_was_missed_and_where_it_was_measured():
    text = report.page(MEASURED, [CALL], report.plots(MEASURED).keys(), MEASURED)
    assert "| `one_step_p50_ms / bare_pod_p50_ms` | 1 | 0.45 | **missed** |" in text
    assert "| `growth_5000_p50_ms / growth_10_p50_ms` | 1 | 1.2 | reached |" in text
    assert "| one_step | 40 | 1,000 | 1,500 | 1.00 | 5 | 12 | a run of one step |" in text
    assert "| commit | x |" in text
    assert "| 5,000 | get_run | 16 | 300 | 3.0 | 1.50 |" in text


def test_what_was_not_measured_is_left_out():
    few = {name: MEASURED[name] for name in ("bare_pod_p50_ms", "bare_pod_p95_ms", "bare_pod_count", "about")}
    text = report.page(few, [], report.plots(few).keys(), few)
    assert "stored" not in text.split("## Shapes")[1].split("## Where")[0]
    assert "fanout50" not in text


def test_argo_workflows_stand_beside_ours_where_they_were_measured():
    beside = {f"{shape}_{name}": value for shape in argo.SHAPES for name, value in (("p50_ms", 2500.0), ("count", 20))}
    beside |= {f"{shape}_p95_ms": 3000.0 for shape in argo.SHAPES}
    figures = {**MEASURED, **beside, "one_step_p50_ms": 500.0, "about": {**ABOUT, "argo": "v3.7.1"}}
    text = report.page(MEASURED, [], [], figures)
    section = text.split("## Beside Argo Workflows")[1].split("## ")[0]
    assert "Argo Workflows v3.7.1" in section
    assert "| one_step | 20 | 2,500 | 3,000 | 2.50 | 500 | 5.0 |" in section
    assert len([row for row in section.splitlines() if row.startswith("| ")]) == 2 + len(argo.SHAPES)
    assert "Argo" not in report.page(MEASURED, [], [], MEASURED)


def test_plots_are_well_formed_and_as_long_as_their_values():
    drawn = report.plots({**MEASURED, "one_step_p50_ms": 500.0})
    assert drawn.keys() == {"latency", "throughput", "growth"}
    widths = [
        float(bar.attrib["width"]) for bar in ET.fromstring(drawn["latency"]).iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert min(widths) * 2 == max(widths)
