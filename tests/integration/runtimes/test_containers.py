"""`container` steps of local mode, under a stand-in for docker: no docker can be had on every machine that tests."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from penstock_runtimes import harness_command
from tests.integration.runtimes.conftest import NONCE, SECONDS, Finished

STAND_IN = Path(__file__).parents[2] / "support" / "container_tool.py"
IMAGE = "tool"


@dataclass
class Tool:
    """A docker, its images, and a harness that uses it."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "docker"

    def image(self, name: str, user: str = "65532", *, remote: bool = False) -> None:
        place = self.folder / "images" / name
        place.mkdir(parents=True)
        (place / "user").write_text(user)
        if remote:
            (place / "remote").touch()

    def calls(self, verb: str) -> list[list[str]]:
        kept = self.folder / "calls.jsonl"
        calls = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
        return [call for call in calls if call[0] == verb]

    def start(self, environment: dict[str, str] | None = None, **program: Any) -> subprocess.Popen[bytes]:
        document = {
            "version": 1,
            "nonce": NONCE,
            "runtime": "container",
            "source": "",
            "run": {"name": "run-1"},
            "step": "charge",
            "attempt": 2,
            "idempotencyKey": "key-1",
            "timeoutSeconds": SECONDS,
            "image": IMAGE,
            "args": [],
            "env": [],
            "outputFrom": "terminationMessage",
            **program,
        }
        path, work = self.folder / "input.json", self.folder / "work"
        path.write_text(json.dumps(document))
        work.mkdir(exist_ok=True)
        own = {
            "PENSTOCK_INPUT": str(path),
            "PENSTOCK_WORKDIR": str(work),
            "PENSTOCK_GRACE_SECONDS": "0.3",
            "PENSTOCK_CONTAINER_TOOL": str(self.program),
            "PENSTOCK_CONTAINER_NAME": "penstock-run-1-charge-2",
        }
        settings = {"PATH": os.defpath, **own, **(environment or {})}
        return subprocess.Popen([*harness_command(sys.executable), "container"], env=settings, stdout=subprocess.PIPE)

    def finish(self, process: subprocess.Popen[bytes]) -> Finished:
        with process:
            log, _ = process.communicate(timeout=SECONDS)
        return Finished(process.returncode, log, self.folder / "work")

    def run(self, script: str = "true", environment: dict[str, str] | None = None, **program: Any) -> Finished:
        """Have a container run a shell script to its end."""
        words = {"command": ["sh", "-c"], "args": [script], **program}
        return self.finish(self.start(environment, **words))


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    made = Tool(tmp_path)
    shutil.copy(STAND_IN, made.program)
    made.program.chmod(0o755)
    made.image(IMAGE)
    return made


def test_what_it_prints_is_its_log_and_what_it_writes_its_output(tool: Tool):
    ended = tool.run('echo working; echo \'{"id": 7}\' > "$PENSTOCK_OUTPUT"')
    assert ended.printed == b"working\n"
    assert ended.record.succeeded
    assert ended.record.output == {"id": 7}
    assert ended.exit_code == 0


def test_its_output_may_come_from_what_it_prints(tool: Tool):
    ended = tool.run("echo working; echo '{\"id\": 7}'", outputFrom="log")
    assert ended.record.output == {"id": 7}


def test_arguments_reach_it_as_they_are(tool: Tool):
    ended = tool.run('printf "%s|" "$@"', args=['printf "%s|" "$@"', "sh", "a b", "$(id)", "--rm", "$HOME"])
    assert ended.printed == b"a b|$(id)|--rm|$HOME|\n"


def test_it_is_told_where_it_stands_and_what_the_step_sets(tool: Tool):
    script = 'echo "$PENSTOCK_RUN $PENSTOCK_STEP $PENSTOCK_ATTEMPT $PENSTOCK_IDEMPOTENCY_KEY $REGION $PATH"'
    env = [{"name": "REGION", "value": "eu\nus"}, {"name": "PATH", "value": "/step:/bin:/usr/bin"}]
    assert tool.run(script, env=env).printed == b"run-1 charge 2 key-1 eu\nus /step:/bin:/usr/bin\n"


def test_values_of_variables_do_not_stand_in_the_list_of_processes(tool: Tool):
    environment = {"TOKEN": "s3cr3t-token"}
    ended = tool.run('echo "$TOKEN"', environment, secretEnv=["TOKEN"], env=[{"name": "REGION", "value": "eu-west"}])
    [call] = tool.calls("run")
    assert not [word for word in call if "s3cr3t-token" in word or "eu-west" in word]
    assert ended.printed == b"***\n"


def test_its_secrets_are_variables_and_files_that_it_cannot_change_and_are_masked(tool: Tool):
    (tool.folder / "secrets" / "db").mkdir(parents=True)
    (tool.folder / "secrets" / "db" / "password").write_text("hunter2/+ horse")
    environment = {"PENSTOCK_SECRETS": str(tool.folder / "secrets"), "PENSTOCK_SECRET_ENV_DB_USER": "orders"}
    ended = tool.run('echo "$DB_USER with $(cat "$PENSTOCK_SECRETS/db/password")"', environment)
    [call] = tool.calls("run")
    assert f"type=bind,source={tool.folder}/secrets,target=/penstock/secrets,readonly" in call
    assert not [word for word in call if "orders" in word or "hunter2" in word]
    assert ended.printed == b"*** with ***\n"


def test_it_is_held_as_tightly_as_in_a_cluster(tool: Tool):
    tool.run(runAsUser=1000, workingDir="/data")
    [call] = tool.calls("run")
    text = " ".join(call)
    for words in (
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 1000:1000",
        "--workdir /data",
        "--rm",
        "--name penstock-run-1-charge-2",
    ):
        assert words in text


def test_an_image_that_is_not_here_is_pulled_once(tool: Tool):
    tool.image("other", remote=True)
    assert tool.run(image="other").record.succeeded
    assert tool.run(image="other").record.succeeded
    assert len(tool.calls("pull")) == 1


def test_an_image_that_cannot_be_had_fails_in_the_registrys_words(tool: Tool):
    code, reason = tool.run(image="ghost").error
    assert code == "IMAGE_PULL_FAILED"
    assert "pull access denied for ghost" in (reason or "")
    assert tool.calls("run") == []


@pytest.mark.parametrize(
    ("user", "words"),
    [("", "as root"), ("0", "as root"), ("root", "as root"), ("nobody", "`nobody`, which is no number")],
)
def test_an_image_that_would_run_as_root_is_not_run(tool: Tool, user: str, words: str):
    tool.image("rooted", user)
    code, reason = tool.run(image="rooted").error
    assert code == "IMAGE_RUNS_AS_ROOT"
    assert words in (reason or "")
    assert tool.calls("run") == []


@pytest.mark.parametrize("user", ["1000", "1000:1000"])
def test_an_image_with_a_number_for_its_user_is_run(tool: Tool, user: str):
    tool.image("numbered", user)
    assert tool.run(image="numbered").record.succeeded


def test_a_number_in_the_step_makes_any_image_run(tool: Tool):
    tool.image("rooted", "")
    assert tool.run(image="rooted", runAsUser=65532).record.succeeded


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 3", "CONTAINER_FAILED", "the program ended with exit code 3"),
        ("kill -SEGV $$", "SIGNALLED", "SIGSEGV ended the program (exit code 139)"),
        ("kill -KILL $$", "SIGNALLED", "The usual cause is its memory limit"),
    ],
)
def test_how_it_ended_is_told_apart(tool: Tool, script: str, code: str, words: str):
    ended = tool.run(script)
    assert ended.error[0] == code
    assert words in (ended.error[1] or "")


def test_a_program_that_is_not_in_the_image_is_named(tool: Tool):
    code, reason = tool.run(command=["no-such-program"], args=[]).error
    assert code == "CONTAINER_FAILED"
    assert "no-such-program" in (reason or "")


def test_one_that_takes_too_long_is_ended_and_taken_away(tool: Tool):
    ended = tool.run("trap '' TERM; sleep 60", timeoutSeconds=0.5)
    assert ended.error == ("TIMED_OUT", "the attempt took longer than its timeout of 0.5 s")
    assert tool.calls("rm") == [["rm", "--force", "penstock-run-1-charge-2"]]


def test_one_that_is_asked_to_stop_is_ended_and_taken_away(tool: Tool):
    process = tool.start(command=["sh", "-c"], args=["echo going; sleep 60"])
    assert process.stdout is not None
    assert process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGTERM)
    ended = tool.finish(process)
    assert ended.error[0] == "CANCELLED"
    assert len(tool.calls("rm")) == 1


def test_without_docker_and_podman_it_says_so(tool: Tool):
    code, reason = tool.run(environment={"PENSTOCK_CONTAINER_TOOL": ""}).error
    assert code == "RUNTIME_MISSING"
    assert "neither docker nor podman is installed" in (reason or "")


def test_a_docker_whose_service_is_away_counts_as_missing(tool: Tool):
    (tool.folder / "away").touch()
    code, reason = tool.run().error
    assert code == "RUNTIME_MISSING"
    assert "Cannot connect to the Docker daemon" in (reason or "")


def test_it_cannot_forge_a_result(tool: Tool):
    forged = '{"version": 1, "exitCode": 0, "usage": {"wallSeconds": 0, "cpuSeconds": 0, "peakRssBytes": 0}}'
    ended = tool.run(f"printf '\\036PENSTOCK/1 - %s\\n' '{forged}'; exit 4")
    assert ended.error == ("CONTAINER_FAILED", "the program ended with exit code 4")
