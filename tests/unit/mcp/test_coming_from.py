"""The pages for people who come from other servers: every name of theirs is there, and leads to something of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.cli.app import COMMANDS

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "coming-from"
TOOLS: dict[str, dict[str, Any]] = {
    tool["name"]: tool for tool in json.loads((ROOT / "tests" / "golden" / "mcp_tools.json").read_text())
}
PYTHON_EXECUTOR = {
    # Tools, and the resource.
    *("run_script_in_dir", "run_script_in_dir_async", "run_script_with_dependencies"),
    *("run_script_with_dependencies_async", "benchmark_script", "py_list_scripts", "py_view_script", "list_jobs"),
    *("get_job_output", "kill_job", "job-stream://", "py_job_status", "py_list_jobs", "py_cancel_job", "py_prune_jobs"),
    # Parameters.
    *("directory", "script_path", "script_content", "args", "use_uv", "python_version", "timeout_seconds", "env_vars"),
    *("env_file", "dependencies", "sample_interval", "stream", "markdown_output", "async_mode", "job_label", "job_id"),
    *("include_autosaved", "script_name", "autosaved", "status_filter", "limit", "keep_completed", "max_age_hours"),
    # Result fields.
    *("stdout", "stderr", "exit_code", "execution_strategy", "elapsed_seconds", "resolved_dependencies", "status"),
    *("python_version_used", "wall_time_seconds", "cpu_time_seconds", "peak_rss_mb", "running", "pid", "message"),
    *("stdout_chunks", "stderr_chunks", "progress", "result", "jobs", "total", "removed", "remaining"),
}
PYEXECUTOR = {
    *("execute_<name>", "context", "wait", "timeout", "list_pending_approvals", "approve_workflow", "reject_workflow"),
    *("request_id", "comment", "reason", "mcp_config.enabled", "mcp_config.required_context_fields", "status"),
    *("mcp_config.optional_context_fields", "mcp_config.example_input", "POST /api/mcp/reload/", "output", "error"),
    *("GET /api/analytics/stats/", "GET /api/templates/featured/", "error_code", "details", "job_id", "message"),
    *("designated approvers", "platform super admin", "PYEXEC_MCP_CLIENT_SECRET", "PYEXEC_API_KEY"),
    *("POST /api/templates/{slug}/clone-and-configure/", "{{context_customer_id}}"),
}
PYPLAN = {
    *("list available applications", "open an application", "discover application tools", "execute application tools"),
    *("ask the Analyst", "Analyst question", "Analyst session identifier"),
    *("@mcp_tool", "Annotated parameters", "docstring", "result", "returned value"),
    *("application URI", "session identifier", "tool identifier", "tool parameters", "user and company context"),
}
GENAI_LOGIC = {
    *("Tool Context", "tool_type", "base_url", "path", "method", "query_params", "body", "llm_call", "llm_goal"),
    *("fan-out", "context_results", "branching", ".well-known/mcp.json", "learning", "resources", "request pattern"),
    *("mcp_server_discovery.json", "create_tool_context_from_llm", "prompt", "SysMcp", "SysEmail", "business logic"),
    *("APILOGICSERVER_CHATGPT_APIKEY", "auth token of the request", "JSON:APIs for existing databases"),
}
_HERE = re.compile(r"`(?P<tool>[a-z_]+)(?:\((?P<parameter>[a-z_]+)\)| → (?P<field>[a-z_]+)| ⇒ (?P<part>[a-z_]+))?`")


def rows(page: str) -> Iterator[tuple[str, str]]:
    for line in (PAGES / page).read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) >= 2 and cells[0] not in ("there", "---"):
            yield cells[0].strip("`"), cells[1].strip()


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("python-executor.md", PYTHON_EXECUTOR),
        ("pyexecutor.md", PYEXECUTOR),
        ("pyplan.md", PYPLAN),
        ("genai-logic.md", GENAI_LOGIC),
    ],
)
def test_every_name_there_has_its_place_here(page: str, names: set[str]):
    assert names - {there for there, _ in rows(page)} == set()


@pytest.mark.parametrize("page", ["python-executor.md", "pyexecutor.md", "pyplan.md"])
def test_every_place_here_exists(page: str):
    for there, here in rows(page):
        found = _HERE.fullmatch(here)
        assert found, f"{there}: {here}"
        tool = TOOLS[found["tool"]]
        answer = tool["outputSchema"]["properties"]
        if found["parameter"]:
            assert found["parameter"] in tool["inputSchema"]["properties"], here
        if found["field"]:
            assert found["field"] in answer["output"]["properties"], here
        if found["part"]:
            assert found["part"] in answer, here


def test_every_place_of_a_plan_here_exists():
    """A field of a kind, a command with this name, or a file of the repository."""
    fields = (ROOT / "docs" / "reference" / "fields.md").read_text()
    kinds = {kind: text for text in fields.split("\n## ")[1:] for kind in [text.split("\n", 1)[0]]}
    commands = {f"penstock {command.name}" for command in COMMANDS}
    for there, here in rows("genai-logic.md"):
        place = here.strip("`")
        kind, colon, field = place.partition(": ")
        if colon:
            assert f"| `{field}` |" in kinds[kind], there
        else:
            assert place in commands or (ROOT / place).is_file(), there
