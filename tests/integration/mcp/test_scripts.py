"""Scripts over the real process in local mode: real interpreters, real files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from tests.integration.mcp.test_stdio import over_stdio
from tests.support.eventually import eventually
from tests.support.mcp_client import ANN, Switchable, a_server, answer_of, call, connected, own, said, shared
from tests.support.memory_access import World


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client[Any]]:
    async with over_stdio(tmp_path / "home", "auto") as connected_client:
        yield connected_client


async def run(client: Client[Any], tool: str = "run_script_in_dir", **arguments: Any) -> dict[str, Any]:
    answer = await call(client, tool, **arguments)
    assert answer["status"] == "success", answer
    output: dict[str, Any] = answer["output"]
    return output


async def test_both_streams_and_the_exit_code_come_back_apart(client: Client[Any]):
    program = "import sys\nprint('out', *sys.argv[1:])\nprint('err', file=sys.stderr)\nsys.exit(3)"
    output = await run(client, script_content=program, args=["a b", "--c"])
    assert output["stdout"] == "out a b --c\n"
    assert output["stderr"] == "err\n"
    assert output["exit_code"] == 3
    assert output["execution_strategy"] == "system-python"
    assert output["elapsed_seconds"] > 0


async def test_a_file_runs_in_its_directory(client: Client[Any], tmp_path: Path):
    (tmp_path / "main.py").write_text("import helper, os; print(helper.NAME, os.getcwd())")
    (tmp_path / "helper.py").write_text("NAME = 'beside it'")
    output = await run(client, directory=str(tmp_path), script_path="main.py")
    assert output["stdout"] == f"beside it {tmp_path}\n"


async def test_variables_of_the_call_go_over_those_of_the_file_and_nothing_is_inherited(
    client: Client[Any], tmp_path: Path
):
    (tmp_path / ".env").write_text(
        "# comment\nBOTH=file\nQUOTED='one two'\nJOINED=\"${QUOTED} three\"\nHOST=${PENSTOCK_HOME:-none}\n"
    )
    names = "BOTH QUOTED JOINED HOST PENSTOCK_HOME"
    program = f"import os\nfor name in {names.split()}: print(name, os.getenv(name))"
    output = await run(client, script_content=program, env_file=str(tmp_path / ".env"), env_vars={"BOTH": "call"})
    assert output["stdout"].splitlines() == [
        "BOTH call",
        "QUOTED one two",
        "JOINED one two three",
        "HOST none",
        "PENSTOCK_HOME None",
    ]


async def test_a_time_limit_ends_the_program_and_says_so(client: Client[Any]):
    program = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
    output = await run(client, script_content=program, timeout_seconds=1)
    assert output["stdout"] == "begun\n"
    assert output["stderr"].endswith("[TIMEOUT]")
    assert output["exit_code"] == -15


async def test_a_benchmark_measures_processor_time_and_memory(client: Client[Any]):
    program = "data = bytearray(64 * 1024 * 1024)\nprint(sum(i * i for i in range(500_000)))"
    output = await run(client, "benchmark_script", script_content=program)
    assert output["cpu_time_seconds"] > 0
    assert output["wall_time_seconds"] >= output["cpu_time_seconds"] / 4
    assert 64 < output["peak_rss_mb"] < 1024


async def test_packages_are_installed_and_named(client: Client[Any]):
    program = "import sniffio; print('imported')"
    output = await run(client, "run_script_with_dependencies", script_content=program, dependencies=["sniffio==1.3.1"])
    assert (output["stdout"], output["execution_strategy"]) == ("imported\n", "uv-run")
    assert "sniffio==1.3.1" in output["resolved_dependencies"]
    assert output["python_version_used"].startswith("3.")


async def test_async_mode_answers_at_once_and_progress_comes_from_inside(client: Client[Any]):
    program = (
        "import os, time\nfrom penstock_script import progress\nprogress(5, 10, f'half {os.getpid()}')\ntime.sleep(600)"
    )
    started = await call(client, "run_script_in_dir", script_content=program, async_mode=True, job_label="slow one")
    assert started["status"] == "running"
    async with asyncio.timeout(30):
        while True:
            step = (await call(client, "get_run", run=started["run"]))["about"].get("steps", {}).get("script", {})
            if "half" in step.get("message", ""):
                break
            await asyncio.sleep(0.1)
    assert "5/10" in step["message"]
    (line,) = (await call(client, "list_runs", job_label="slow one"))["output"]["runs"]
    assert line["run"] == started["run"]
    await call(client, "cancel_run", run=started["run"])
    assert (await call(client, "wait_for_run", run=started["run"]))["status"] == "cancelled"
    process = Path("/proc") / step["message"].split()[-1]
    await eventually(lambda: not process.exists(), what="the script outlived its run")


async def test_what_was_handed_over_is_kept_with_its_parameters_and_without_secrets(client: Client[Any]):
    program = "print('kept')\n" * 2000
    started = await call(
        client, "run_script_in_dir", script_content=program, args=["x"], env_vars={"TOKEN": "s3cret"}, async_mode=True
    )
    listed = (await call(client, "list_scripts", include_autosaved=True))["output"]["scripts"]
    assert [line["name"] for line in listed] == [started["run"]]
    assert (await call(client, "list_scripts"))["output"]["scripts"] == []
    seen = await answer_of(client, "view_script", script_name=started["run"], autosaved=True)
    assert seen.structured_content is not None
    assert seen.structured_content["output"]["source"] == program
    assert seen.structured_content["output"]["parameters"]["args"] == ["x"]
    assert seen.structured_content["output"]["parameters"]["env_vars"] == ["TOKEN"]
    assert "s3cret" not in said(seen)


async def test_markdown_is_said_beside_the_data_or_not(client: Client[Any]):
    program = "print('```\\ninjected')"
    markdown = await answer_of(client, "run_script_in_dir", script_content=program)
    plain = await answer_of(client, "run_script_in_dir", script_content=program, markdown_output=False)
    assert said(markdown).startswith("**Script ended with exit code 0**")
    assert "````\n```\ninjected" in said(markdown)
    assert '"exit_code":0' in said(plain)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "script_content"),
        ({"script_content": "1", "script_path": "x.py"}, "script_content"),
        ({"script_content": "1", "python_version": "3.12.1"}, "python_version"),
        ({"script_content": "1", "python_version": "3.12", "use_uv": False}, "python_version"),
        ({"script_content": "1", "env_vars": {"A B": "x"}}, "env_vars"),
        ({"script_content": "#" * 130_000}, "120,000"),
    ],
)
async def test_what_is_wrong_is_told_before_anything_runs(arguments: dict[str, Any], told: str):
    world = World()
    async with connected(a_server(own(world)), "auto") as client:
        answer = await call(client, "run_script_in_dir", **arguments)
    assert answer["error"] == "INVALID_INPUT"
    assert told in answer["message"]
    assert world.runs == {}


@pytest.mark.parametrize(
    "arguments",
    [
        {"directory": "/etc", "script_content": "1"},
        {"script_path": "/etc/passwd"},
        {"script_content": "1", "env_file": "/etc/environment"},
    ],
)
async def test_over_http_the_servers_files_are_out_of_reach(arguments: dict[str, Any]):
    world = World()
    async with connected(a_server(shared(world), Switchable(ANN)), "auto") as client:
        answer = await call(client, "run_script_in_dir", namespace="shop", **arguments)
    assert answer["error"] == "INVALID_INPUT"
    assert "server" in answer["message"]
    assert world.runs == {}


async def test_in_the_cluster_a_script_is_an_inline_run_of_the_caller():
    world = World()
    async with connected(a_server(shared(world), Switchable(ANN)), "auto") as client:
        started = await call(
            client,
            "run_script_with_dependencies",
            script_content="import httpx",
            dependencies=["httpx==0.28.1"],
            python_version="3.12",
            namespace="shop",
            async_mode=True,
        )
    (made,) = world.runs.values()
    assert world.creators == [ANN]
    assert started["run"] == f"shop/{made.metadata.name}"
    assert made.spec.inline is not None
    (step,) = made.spec.inline.steps
    assert step.script is not None
    assert step.script.dependencies == ("httpx==0.28.1",)
    assert 'requires-python = "==3.12.*"' in step.script.source
    assert "".join(made.spec.context["source"]) == "import httpx"
