"""Tools for scripts: run a Python program once, with dependencies, measured; see the ones that were run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.application.list_runs import MAX_LOOKED_AT
from penstock.application.outcomes import outcome
from penstock.application.script_runs import ScriptRequest, is_script, script_context, script_spec
from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.errors import InvalidInput, NotFound
from penstock_mcp.calls import READS, Callers, fixed_tool
from penstock_mcp.catalogue import MAX_TIMEOUT
from penstock_mcp.following import Follower
from penstock_mcp.script_files import ScriptFiles
from penstock_mcp.script_views import (
    BENCHMARK,
    RESULT,
    SCRIPT_SCHEMA,
    SCRIPTS_SCHEMA,
    WITH_DEPENDENCIES,
    autosaved_details,
    autosaved_line,
    is_saved_script,
    saved,
    saved_line,
    script_answer,
)
from penstock_mcp.shapes import fields
from penstock_mcp.tools.runs import Namespace
from penstock_mcp.traced_calls import calling
from penstock_mcp.views import answer

Source = Annotated[str, Field(description="The program, as text. Exactly one of this and script_path.")]
ScriptPath = Annotated[str, Field(max_length=4096, description="A file of this machine to run; over stdio only.")]
Directory = Annotated[str, Field(max_length=4096, description="Where it runs; local mode over stdio only.")]
Args = Annotated[list[str] | None, Field(max_length=256, description="Arguments of the program.")]
Dependencies = Annotated[list[str] | None, Field(max_length=100, description="Packages, such as httpx==0.28.1.")]
Python = Annotated[str, Field(max_length=8, description="Exact minor version, such as 3.12. Default: the runtime's.")]
UseUv = Annotated[bool, Field(description="Let uv make an environment where one is needed; false: never.")]
TimeLimit = Annotated[int, Field(ge=0, le=86_400, description="Seconds after which it is ended; 0: never.")]
EnvVars = Annotated[dict[str, str] | None, Field(description="Environment variables. Seen by whoever sees the run.")]
EnvFile = Annotated[
    str, Field(max_length=4096, description="A .env file of this machine, under env_vars; over stdio only.")
]
AsyncMode = Annotated[bool, Field(description="Answer at once with the run's handle.")]
JobLabel = Annotated[str, Field(max_length=128, description="A few words to find the run by.")]
Markdown = Annotated[bool, Field(description="Say the result as Markdown too; false: as JSON.")]
Where = Annotated[str, Field(max_length=63, description="Namespace of the run. Default: yours, or the server's one.")]

_RUNS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)


class ScriptTools:
    """The tools for scripts."""

    def __init__(self, callers: Callers, follower: Follower, new_suffix: Callable[[], str]) -> None:
        self._callers = callers
        self._follower = follower
        self._new_suffix = new_suffix
        self._files = ScriptFiles(callers)

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        return [
            fixed_tool(self.run_script_in_dir, "Run a script", _RUNS, fields(**RESULT)),
            fixed_tool(
                self.run_script_with_dependencies, "Run a script with packages", _RUNS, fields(**WITH_DEPENDENCIES)
            ),
            fixed_tool(self.benchmark_script, "Measure a script", _RUNS, fields(**BENCHMARK)),
            fixed_tool(self.list_scripts, "List scripts", READS, SCRIPTS_SCHEMA),
            fixed_tool(self.view_script, "See a script", READS, SCRIPT_SCHEMA),
        ]

    async def run_script_in_dir(  # noqa: PLR0913, PLR0917 - the arguments of the tool, by their own names
        self,
        directory: Directory = "",
        script_path: ScriptPath = "",
        script_content: Source = "",
        args: Args = None,
        use_uv: UseUv = True,
        python_version: Python = "",
        timeout_seconds: TimeLimit = 0,
        env_vars: EnvVars = None,
        env_file: EnvFile = "",
        async_mode: AsyncMode = False,
        job_label: JobLabel = "",
        namespace: Where = "",
        markdown_output: Markdown = True,
    ) -> ToolResult:
        """Run a Python program once, in a directory of this machine or, in the cluster, in a sandboxed pod of its own.

        Use it for a program that needs no packages. Gives stdout and stderr apart, exit_code and the time it took; a
        program that runs longer answers `running` with its run. Next: wait_for_run, get_run_logs to see what it prints
        meanwhile, cancel_run to end it.
        """
        asked = {"args": args or (), "use_uv": use_uv, "python_version": python_version}
        place = (directory, script_path, script_content)
        request = self._request("run_script_in_dir", place, asked, timeout_seconds, (env_file, env_vars or {}))
        shape = await self._run(request, namespace, job_label, wait=not async_mode)
        return script_answer(shape, RESULT, markdown=markdown_output)

    async def run_script_with_dependencies(  # noqa: PLR0913, PLR0917 - the arguments of the tool, by their own names
        self,
        script_content: Source = "",
        script_path: ScriptPath = "",
        python_version: Python = "",
        dependencies: Dependencies = None,
        args: Args = None,
        timeout_seconds: TimeLimit = 0,
        env_vars: EnvVars = None,
        env_file: EnvFile = "",
        async_mode: AsyncMode = False,
        job_label: JobLabel = "",
        namespace: Where = "",
        markdown_output: Markdown = True,
    ) -> ToolResult:
        """Run a Python program once, in an environment that is made for it with the packages it needs.

        Use it when the program imports something that Python does not bring. Gives what run_script_in_dir gives, the
        packages as they were resolved, and the version of Python. Next: as for run_script_in_dir.
        """
        asked = {"args": args or (), "dependencies": dependencies or (), "python_version": python_version}
        place = ("", script_path, script_content)
        request = self._request(
            "run_script_with_dependencies", place, asked, timeout_seconds, (env_file, env_vars or {})
        )
        shape = await self._run(request, namespace, job_label, wait=not async_mode)
        return script_answer(shape, WITH_DEPENDENCIES, markdown=markdown_output)

    async def benchmark_script(  # noqa: PLR0913, PLR0917 - the arguments of the tool, by their own names
        self,
        script_content: Source = "",
        script_path: ScriptPath = "",
        python_version: Python = "",
        dependencies: Dependencies = None,
        args: Args = None,
        timeout_seconds: TimeLimit = 0,
        env_vars: EnvVars = None,
        env_file: EnvFile = "",
        async_mode: AsyncMode = False,
        job_label: JobLabel = "",
        namespace: Where = "",
        markdown_output: Markdown = True,
    ) -> ToolResult:
        """Run a Python program once and measure it: wall time, processor time, peak memory.

        Use it to compare two programs: run each several times and compare the medians. Gives what
        run_script_with_dependencies gives, and the measurements. Making the environment is not measured.
        """
        asked = {"args": args or (), "dependencies": dependencies or (), "python_version": python_version}
        place = ("", script_path, script_content)
        request = self._request("benchmark_script", place, asked, timeout_seconds, (env_file, env_vars or {}))
        shape = await self._run(request, namespace, job_label, wait=not async_mode)
        return script_answer(shape, BENCHMARK, markdown=markdown_output)

    async def list_scripts(
        self,
        include_autosaved: Annotated[bool, Field(description="Also programs that were handed to these tools.")] = False,
        namespace: Namespace = "",
    ) -> ToolResult:
        """List the scripts there are: Workflows of a single script and, if asked for, programs that were run here.

        Use it to find a program that was run before. Next: view_script with its `name`.
        """
        access, where = self._callers.access(), self._callers.scope(namespace)
        lines = [saved_line(found) for found in await access.workflows.list(where) if is_saved_script(found)]
        if include_autosaved:
            lines += [
                autosaved_line(run) for run in await access.runs.list(where, limit=MAX_LOOKED_AT) if is_script(run)
            ]
        return answer({"status": "success", "output": {"scripts": lines}}, f"{len(lines)} scripts.")

    async def view_script(
        self,
        script_name: Annotated[str, Field(max_length=317, description="Its `name`, as list_scripts gives it.")],
        autosaved: Annotated[bool, Field(description="One that was handed to these tools: a run's name.")] = False,
    ) -> ToolResult:
        """See the program of a script, with the parameters it was run with or takes.

        Values of environment variables are never shown. Next: run it again with the same tool, changed where needed.
        """
        access, key = self._callers.access(), self._callers.key(script_name)
        if autosaved:
            found = autosaved_details(await access.runs.get(key))
            return answer({"status": "success", "output": found}, "The program as it ran.")
        workflow = await access.workflows.get(key)
        if not is_saved_script(workflow):
            raise NotFound(f"Workflow {key} is more than one script", hint="Read it as workflow://namespace/name.")
        return answer({"status": "success", "output": saved(workflow)}, "The program of the Workflow.")

    def _request(
        self,
        tool: str,
        place: tuple[str, str, str],
        asked: Mapping[str, Any],
        timeout_seconds: int,
        environment: tuple[str, Mapping[str, str]],
    ) -> ScriptRequest:
        directory, path, content = place
        if path and content:
            raise InvalidInput("exactly one of script_content and script_path", hint="Leave one of them out.")
        folder, file, text = self._files.place(self._callers.access(), directory, path)
        env = self._files.environment(*environment)
        return ScriptRequest(tool, content or text, file, folder, timeout_seconds=timeout_seconds, env=env, **asked)

    async def _run(self, request: ScriptRequest, namespace: str, job_label: str, *, wait: bool) -> dict[str, Any]:
        access = self._callers.access()
        where = self._callers.scope(namespace)
        if where is None:
            raise InvalidInput("say in which namespace the script is to run", hint="Give `namespace`.")
        asked = RunRequest(
            namespace=where,
            workflow="script",
            context=script_context(request),
            inline=script_spec(request),
            job_label=job_label,
            traceparent=calling(),
        )
        run = await SubmitRun(access, self._new_suffix)(asked)
        return await self._follower.follow(access, run, MAX_TIMEOUT) if wait else outcome(run)
