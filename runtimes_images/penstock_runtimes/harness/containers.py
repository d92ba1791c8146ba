"""`container` steps of local mode: the image runs under docker or podman, as restricted as in a cluster.

In a cluster such a step has no harness: its pod is the container. Here the harness takes the place of the node: it
pulls the image, starts the container, passes its output on, and reports its end as a result record.
"""

from __future__ import annotations

import os

from . import input_document, lean_json
from .attempt import Attempt
from .input_document import InputDocument
from .passthrough import Log, Relay, last_lines
from .process import Command, signal_name
from .protocol import (
    CONTAINER_FAILED,
    IMAGE_PULL_FAILED,
    IMAGE_RUNS_AS_ROOT,
    INPUT_INVALID,
    MESSAGE_LIMIT,
    OUTPUT_LIMIT,
    OUTPUT_TOO_LARGE,
    REASON_LIMIT,
    REASON_LINES,
    RUNTIME_MISSING,
    SECRETS_FOLDER,
    SIGNALLED,
    TAIL_LIMIT,
    AttemptFailed,
)
from .statements import check_output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .process import Ended

MESSAGE = "/dev/termination-log"
"""Where a container writes its output, as in a cluster."""
TMP = "/tmp"
SECRETS = "/penstock/secrets"
"""Where a container finds its Secrets as files, as in a cluster."""

_TOOL_FAILED, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127
"""Exit codes of docker and podman: of their own, and of a program that could not be started."""
_SIGNAL_EXIT = 128
_UNREACHABLE = ("cannot connect", "is the docker daemon running", "permission denied while trying to connect")
_CLIENTS_OWN = ("PATH", "HOME", "DOCKER_", "CONTAINER", "PODMAN_", "XDG_", "SSH_")
"""Beginnings of names that docker and podman read themselves: a step's variables of such names go another way."""


def main(settings: Mapping[str, str]) -> int:
    """Run the container that the input document describes; the exit code."""
    return ContainerAttempt(settings).run()


class ContainerDocument(InputDocument):
    """The input document of a `container` step."""

    __slots__ = ("args", "command", "env", "folder", "image", "limit", "output_from", "user")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__(fields)
        self.image: str = fields["image"]
        self.command: list[str] = fields.get("command", [])
        self.args: list[str] = fields.get("args", [])
        self.folder: str | None = fields.get("workingDir")
        self.user: int | None = fields.get("runAsUser")
        self.output_from: str = fields.get("outputFrom", "")
        self.env: list[Mapping[str, str]] = fields.get("env", [])
        # The image comes first, and its time does not count.
        self.limit, self.timeout_seconds = self.timeout_seconds, None


class ContainerAttempt(Attempt):
    """One attempt at a `container` step."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._tool = settings.get("PENSTOCK_CONTAINER_TOOL", "")
        self._name = settings.get("PENSTOCK_CONTAINER_NAME", "")
        self._client: dict[str, str] = {}
        """The environment of the tool itself."""

    def _read_document(self) -> ContainerDocument:
        data = input_document.read(self._settings)
        self._result.nonce = input_document.find_nonce(data)
        return ContainerDocument(lean_json.loads(data.decode()))

    def _execute(self, document: InputDocument) -> None:
        assert isinstance(document, ContainerDocument)
        if not self._tool:
            reason = "neither docker nor podman is installed on this machine, and a `container` step needs one of them"
            raise AttemptFailed(RUNTIME_MISSING, reason)
        hidden = (*document.secret_env, *(name for name in self._settings if name.startswith("PENSTOCK_")))
        self._client = {name: value for name, value in self._settings.items() if name not in hidden}
        self._check_user(document, self._fetched(document))
        self._supervisor.set_timeout(document.limit)
        document.timeout_seconds = document.limit
        message = os.path.join(self._folder, "output")
        with open(message, "wb", buffering=0):
            os.chmod(message, 0o666)  # whoever the program runs as
        printed = Relay(self._log, self._masker, OUTPUT_LIMIT + 1)
        ended = self._result.ended = self._supervisor.run(self._command(document, message), printed, printed, _nothing)
        # What the tool itself used says nothing about the program.
        ended.cpu_seconds, ended.peak_rss_bytes = 0.0, 0
        self._result.failure = self._stopped(document)
        if self._result.failure is not None:
            self._remove()
            return
        self._result.failure = _failure(ended, printed)
        if self._result.failure is None:
            self._take_output(document, message, printed.tail())

    def _fetched(self, document: ContainerDocument) -> str:
        """The user of the image, which is pulled where it is not here."""
        inspect = ("image", "inspect", "--format", "{{.Config.User}}", document.image)
        ended, told = self._quietly(document, *inspect)
        if ended.exit_code:
            ended, told = self._quietly(document, "pull", "--quiet", document.image)
            if ended.exit_code:
                reason = last_lines(told, REASON_LINES, REASON_LIMIT)
                unreachable = any(words in reason.lower() for words in _UNREACHABLE)
                raise AttemptFailed(RUNTIME_MISSING if unreachable else IMAGE_PULL_FAILED, reason)
            _, told = self._quietly(document, *inspect)
        return told.decode("utf-8", "replace").strip()

    def _check_user(self, document: ContainerDocument, user: str) -> None:
        number = user.partition(":")[0]
        if document.user is None and (not number.isdigit() or int(number) == 0):
            words = "as root" if number in ("", "0", "root") else f"as `{number}`, which is no number"
            raise AttemptFailed(IMAGE_RUNS_AS_ROOT, f"the image {document.image} runs {words}")

    def _command(self, document: ContainerDocument, message: str) -> Command:
        words = [self._tool, "run", "--rm", "--name", self._name, "--pull", "never", "--read-only"]
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", f"{TMP}:rw,exec,mode=1777"]
        words += ["--mount", f"type=bind,source={message},target={MESSAGE}"]
        if SECRETS_FOLDER in self._settings:
            words += ["--mount", f"type=bind,source={self._settings[SECRETS_FOLDER]},target={SECRETS},readonly"]
        if document.user is not None:
            words += ["--user", f"{document.user}:{document.user}"]
        if document.folder is not None:
            words += ["--workdir", document.folder]
        if document.command:
            words += ["--entrypoint", document.command[0]]
        environment = dict(self._client)
        for name, value in self._variables(document).items():
            if "\0" in value:
                raise AttemptFailed(INPUT_INVALID, f"{name} holds a NUL character, which no variable can")
            if name.startswith(_CLIENTS_OWN) or name in self._client:
                words += ["--env", f"{name}={value}"]
            else:
                # By name alone, so that no value stands in the list of processes.
                words += ["--env", name]
                environment[name] = value
        words += [document.image, *document.command[1:], *document.args]
        return Command(words, environment, self._folder)

    def _variables(self, document: ContainerDocument) -> dict[str, str]:
        variables = {entry["name"]: entry["value"] for entry in document.env}
        variables.update({name: self._settings[name] for name in document.secret_env if name in self._settings})
        variables.update(
            PENSTOCK_OUTPUT=MESSAGE,
            PENSTOCK_WORKDIR=TMP,
            PENSTOCK_RUN=str(document.run.get("name", "")),
            PENSTOCK_STEP=document.step,
            PENSTOCK_ATTEMPT=str(document.attempt),
            PENSTOCK_IDEMPOTENCY_KEY=document.idempotency_key,
        )
        for index, _ in document.items or ():  # one at most
            variables["PENSTOCK_ITEM_INDEX"] = str(index)
            variables["PENSTOCK_IDEMPOTENCY_KEY"] += f"/{index}"
        if SECRETS_FOLDER in self._settings:
            variables[SECRETS_FOLDER] = SECRETS
        if document.run.get("phase"):
            variables["PENSTOCK_RUN_PHASE"] = str(document.run["phase"])
        return variables

    def _quietly(self, document: ContainerDocument, *words: str) -> tuple[Ended, bytes]:
        """Have the tool do something whose output is nobody's log: its end, and the end of what it said."""
        told = Relay(Log(_drop), self._masker, TAIL_LIMIT)
        ended = self._supervisor.run(Command([self._tool, *words], self._client, self._folder), told, told, _nothing)
        if stopped := self._stopped(document):
            raise stopped
        return ended, told.tail()

    def _remove(self) -> None:
        """Take the container away: one that would not end outlives the tool that started it."""
        import subprocess

        words, nowhere = [self._tool, "rm", "--force", self._name], subprocess.DEVNULL
        subprocess.run(words, env=self._client, stdout=nowhere, stderr=nowhere, check=False)

    def _take_output(self, document: ContainerDocument, message: str, printed: bytes) -> None:
        try:
            if document.output_from == "log":
                output = by_log(printed)
            else:
                with open(message, "rb", buffering=0) as file:
                    output = by_message(file.read(MESSAGE_LIMIT).decode("utf-8", "replace"))
        except AttemptFailed as failure:
            self._result.failure = failure
            return
        self._result.has_output, self._result.output = output is not None, output


def _failure(ended: Ended, printed: Relay) -> AttemptFailed | None:
    code = ended.exit_code or 0
    if code in (_TOOL_FAILED, _NOT_EXECUTABLE, _NOT_FOUND):
        return AttemptFailed(CONTAINER_FAILED, last_lines(printed.tail(), REASON_LINES, REASON_LIMIT))
    if code > _SIGNAL_EXIT and not signal_name(code - _SIGNAL_EXIT).removeprefix("SIG").isdigit():
        name = signal_name(code - _SIGNAL_EXIT)
        hint = " The usual cause is its memory limit." if name == "SIGKILL" else ""
        return AttemptFailed(SIGNALLED, f"{name} ended the program (exit code {code}).{hint}")
    return AttemptFailed(CONTAINER_FAILED, f"the program ended with exit code {code}") if code else None


def by_message(text: str) -> Any:
    """The output in what was written to the file of PENSTOCK_OUTPUT: JSON, or text; None where there is none."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size >= MESSAGE_LIMIT:
        reason = f"the file named by PENSTOCK_OUTPUT has {MESSAGE_LIMIT:,} bytes or more; less than that is kept"
        raise AttemptFailed(OUTPUT_TOO_LARGE, f"{reason}. Write it to the log and set `outputFrom: log`")
    try:
        value = lean_json.loads(text)
    except (ValueError, RecursionError):
        return _text(text)
    check_output(value)
    return value


def by_log(printed: bytes) -> Any:
    """The output in what was printed: its last line if that is a JSON object or list, else all of it."""
    line = printed.rstrip().rpartition(b"\n")[2].strip()
    if line[:1] in (b"{", b"["):
        try:
            value = lean_json.loads(line.decode())
        except (ValueError, RecursionError):
            pass  # it only looks like JSON
        else:
            check_output(value)
            return value
    if len(printed) > OUTPUT_LIMIT:
        reason = f"the log has more than {OUTPUT_LIMIT:,} bytes, and its last line is no JSON object or list"
        raise AttemptFailed(OUTPUT_TOO_LARGE, f"{reason}. End it with one line of JSON")
    return _text(printed.decode("utf-8", "replace"))


def _text(text: str) -> str | None:
    return text.rstrip("\r\n") or None


def _nothing() -> None:
    pass


def _drop(_data: bytes) -> None:
    pass
