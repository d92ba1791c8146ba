"""The description of the runtimes, and that both sides of the protocol say the same."""

from __future__ import annotations

import ast
import json
import sys
import tomllib
from pathlib import Path

import pytest

from penstock.engine import placeholders, result_records
from penstock_runtimes import CALLS, harness_command, harness_dir, load_runtime, runtime_names
from penstock_runtimes.harness import protocol

ROOT = Path(__file__).resolve().parents[3]


def test_all_languages_are_there():
    assert runtime_names() == ("bash", "go", "javascript", "powershell", "python")


@pytest.mark.parametrize("name", runtime_names())
def test_a_runtime_is_complete(name: str):
    runtime = load_runtime(name)
    description = json.loads((runtime.folder / "runtime.json").read_text())

    assert runtime.name == name == runtime.folder.name
    assert (runtime.folder / description["prelude"]).is_file()
    assert runtime.dockerfile.read_text().count("ARG BASE=") == 1
    assert "USER 65532" in runtime.dockerfile.read_text()
    assert "ln -s /dev/shm /tmp" in runtime.dockerfile.read_text()
    assert "HOME=/dev/shm/work" in runtime.dockerfile.read_text()
    assert {"{script}", "{program}"} & set(description["command"])
    assert runtime.takes_dependencies <= ((runtime.folder / description.get("prepare", "none")).is_file())


def test_the_runtimes_of_calls_are_complete_and_are_no_languages():
    for name in CALLS:
        runtime = load_runtime(name)
        description = json.loads((runtime.folder / "runtime.json").read_text())
        assert (runtime.folder / description["prelude"]).is_file()
        assert "ln -s /dev/shm /tmp" in runtime.dockerfile.read_text()
        assert name not in runtime_names()


@pytest.mark.parametrize("runtime", ["python", "llm"])
def test_the_image_carries_the_uv_of_the_lock_file(runtime: str):
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    (version,) = (package["version"] for package in packages if package["name"] == "uv")

    assert f"ARG UV_VERSION={version}\n" in load_runtime(runtime).dockerfile.read_text()


def test_shells_take_no_dependencies():
    assert [name for name in runtime_names() if not load_runtime(name).takes_dependencies] == ["bash", "powershell"]


def test_the_image_for_go_compiles_the_standard_library_as_a_step_is_compiled():
    """With other flags every step would compile it again."""
    from penstock_runtimes.go import prepare

    words = load_runtime("go").dockerfile.read_text().split()

    assert {"CGO_ENABLED=0", f"GODEBUG={prepare.COMPILED_LIBRARY}", "-trimpath"} <= set(words)
    assert "-trimpath" in prepare.BUILD


def test_an_unknown_runtime_is_refused_with_the_known_ones():
    with pytest.raises(KeyError, match=r"cobol.*bash, go, javascript, powershell, python"):
        load_runtime("cobol")


def test_the_harness_can_be_started_by_its_file():
    assert harness_command() == (sys.executable, "-I", "-S", str(harness_dir() / "__main__.py"))


@pytest.mark.parametrize(
    "name", ["RECORD_MARK", "PROGRESS_MARK", "TERMINATION_MARK", "VERSION", "OUTPUT_LIMIT", "OUTPUT_DEPTH"]
)
def test_writer_and_reader_of_records_agree(name: str):
    assert getattr(protocol, name) == getattr(result_records, name)


def test_the_largest_record_is_one_that_the_reader_takes():
    largest = protocol.OUTPUT_LIMIT + 2 * protocol.CAPTURE_LIMIT + 2 * protocol.REASON_LIMIT + 64 * protocol.KIB

    assert largest < result_records.RECORD_LIMIT


def test_a_log_at_all_its_limits_stays_under_the_rotation_of_10_mib():
    lines_of_16_kib = protocol.OUTPUT_LIMIT // (16 * protocol.KIB) + 64
    record = protocol.OUTPUT_LIMIT + 2 * protocol.CAPTURE_LIMIT + lines_of_16_kib * protocol.LINE_OVERHEAD

    assert protocol.LOG_LIMIT + protocol.PROGRESS_BUDGET + record < 10 * protocol.MIB


def test_every_runtime_with_a_prelude_binds_placeholders():
    for name in runtime_names():
        assert not placeholders.bind(name, "", frozenset()).problems


HEAVY = {"json", "re", "enum", "subprocess", "threading", "dataclasses", "typing", "collections", "signal", "tempfile"}


@pytest.mark.parametrize("path", sorted(harness_dir().glob("*.py")), ids=lambda path: path.name)
def test_the_harness_starts_without_heavy_modules(path):
    """Only imports at the top of a module are made at every start; those for types are not made at all."""
    imported = {
        alias.name.partition(".")[0]
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }

    assert not imported & HEAVY
    assert imported <= {"", "__future__", *sys.stdlib_module_names, *(p.stem for p in harness_dir().glob("*.py"))}
