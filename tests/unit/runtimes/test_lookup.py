"""Reading one value of the context by its path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock_runtimes.harness.lookup import parse_path, print_value

VALUES = {
    "context": {"name": "Zoë", "count": 3},
    "steps": {"charge": {"output": {"order_id": "O-1", "lines": [{"sku": "a"}], "odd key": 1}}},
    "item": None,
    "run": {"name": "r"},
}


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("a", ["a"]),
        ("a.b", ["a", "b"]),
        (".a.b", ["a", "b"]),
        ("a[0].b", ["a", 0, "b"]),
        ('a["b c"][1]', ["a", "b c", 1]),
        ('a.["b"]', ["a", "b"]),
    ],
)
def test_a_path_is_a_list_of_keys(path: str, want: list[str | int]):
    assert parse_path(path) == want


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "a[-1]", 'a["b'])
def test_what_is_no_path_is_refused(path: str):
    with pytest.raises(ValueError, match=r"path|write"):
        parse_path(path)


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("context.name", "Zoë\n"),
        ("context.count", "3\n"),
        ("steps.charge.output.lines[0].sku", "a\n"),
        ("steps.charge.output.lines", '[{"sku":"a"}]\n'),
        ('steps.charge.output["odd key"]', "1\n"),
        ("item", "null\n"),
    ],
)
def test_a_value_is_printed(path: str, want: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]):
    (tmp_path / "context.json").write_text(json.dumps(VALUES))

    assert print_value([path], {"PENSTOCK_CONTEXT_FILE": str(tmp_path / "context.json")}) == 0
    assert capfdbinary.readouterr().out.decode() == want


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("context.nam", "there is no 'nam'; there is count, name"),
        ("steps.charge.output.lines[1]", "the list has 1 items"),
        ("context.name.x", "cannot take 'x' of a string"),
        ("item.sku", "cannot take 'sku' of null"),
    ],
)
def test_a_missing_value_says_what_there_is(path: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    (tmp_path / "context.json").write_text(json.dumps(VALUES))

    assert print_value([path], {"PENSTOCK_CONTEXT_FILE": str(tmp_path / "context.json")}) == 1
    assert message in capfd.readouterr().err


def test_outside_a_step_it_says_so(capfd: pytest.CaptureFixture[str]):
    assert print_value(["context.a"], {}) == 1
    assert "only inside a step" in capfd.readouterr().err
