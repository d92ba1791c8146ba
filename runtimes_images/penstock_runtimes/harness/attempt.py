"""Runs one attempt from input document to result record; the other modules do the parts."""

from __future__ import annotations

import errno
import gc
import os
import sys

from . import environment, input_document
from .masking import Masker
from .passthrough import Log, Relay, last_lines, write_all
from .process import Command, InChild, Supervisor, signal_name
from .protocol import (
    CANCELLED,
    CAPTURE_LIMIT,
    DISK_FULL,
    GRACE_SECONDS,
    HARNESS_ERROR,
    REASON_LIMIT,
    REASON_LINES,
    RUNTIME_MISSING,
    SCRIPT_FAILED,
    SECRET_ENV_PREFIX,
    SECRETS_FOLDER,
    SIGNALLED,
    TAIL_LIMIT,
    TIMED_OUT,
    AttemptFailed,
)
from .records import Progress, Result, emit
from .runtimes import Runtime
from .statements import Statements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .input_document import InputDocument
    from .process import Ended, Reader

    Program = Callable[[], None]


def main(arguments: list[str], settings: Mapping[str, str]) -> int | Program:
    """Run the attempt that the environment names; the exit code.

    In a forked child that shares this interpreter, what to call instead once the harness's frames are gone.
    """
    if arguments[:1] == ["value"]:
        from .lookup import print_value

        return print_value(arguments[1:], settings)
    if arguments[:1] == ["container"]:
        from . import containers

        return containers.main(settings)
    attempt = Attempt(settings)
    try:
        return attempt.run()
    except InChild:
        return attempt.program


class _Noting:
    """Takes what goes wrong inside of it for the failure of a result: whatever it is, there must be a record."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, AttemptFailed):
            self._result.failure = error
        elif isinstance(error, Exception):
            full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
            self._result.failure = AttemptFailed(
                DISK_FULL if full else HARNESS_ERROR, f"{type(error).__name__}: {error}"
            )
        return isinstance(error, Exception)


class Attempt:
    """One attempt; holds what its parts share."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = settings
        self._folder = settings.get("PENSTOCK_WORKDIR") or os.getcwd()
        self._log = Log(lambda data: write_all(1, data))
        self._masker = Masker(())
        self._result = Result()
        self._supervisor = Supervisor(_grace_seconds(settings))
        self.program: Program = _no_program

    def run(self) -> int:
        """From the input document to the result record; the exit code."""
        with _Noting(self._result):
            document = self._read_document()
            self._hide_secrets(document)
            self._supervisor.set_timeout(document.timeout_seconds)
            self._execute(document)
        self._supervisor.settle()
        self._explain(self._result)
        emit(self._result, self._log, self._masker, self._settings.get("PENSTOCK_TERMINATION_MESSAGE", ""))
        return self._result.exit_code()

    def _hide_secrets(self, document: InputDocument) -> None:
        """Have the step's secrets masked from now on, and the program find them under their own names."""
        wrapped = any(name.startswith(SECRET_ENV_PREFIX) for name in self._settings)
        if not (wrapped or document.secret_env or self._settings.get(SECRETS_FOLDER)):
            return
        from .secrets import Secrets

        secrets = Secrets(self._settings, document.secret_env)
        self._settings, document.secret_env = secrets.settings, secrets.names
        self._masker = Masker(secrets.maskable)
        self._log.lines(secrets.unmasked.encode("utf-8", "replace"), self)

    def _read_document(self) -> InputDocument:
        data = input_document.read(self._settings)
        try:
            input_document.check_digest(data, self._settings)
            document = input_document.parse(data)
        except AttemptFailed:
            self._result.nonce = input_document.find_nonce(data)
            raise
        self._result.nonce = document.nonce
        return document

    def _execute(self, document: InputDocument) -> None:
        folder = environment.WorkFolder(self._folder)
        runtime = Runtime(document.runtime)
        variables = environment.child_environment(self._settings, document, folder)
        environment.write_context(document, folder)
        runtime.write_script(folder, document.source)
        try:
            prepared = self._prepare(document, runtime, folder)
            if document.items is not None:
                self._run_items(document, runtime, folder, prepared)
                return
            statements = Statements(folder.statements_file)
            self.program = _embedded_program(runtime, variables)
            command = runtime.command(folder, variables, prepared)
            self._run_program(self._result, document, runtime, command, statements)
        except AttemptFailed as failure:
            if failure.code == RUNTIME_MISSING:
                failure.reason += f". Install {runtime.install}"
            raise

    def _run_items(
        self, document: InputDocument, runtime: Runtime, folder: environment.WorkFolder, prepared: dict[str, str]
    ) -> None:
        """Run the program once for each item, one after the other; each has its record when it has ended."""
        from .items import ItemRecords, remove

        assert document.items is not None
        records = ItemRecords(self._log, self._masker, document.nonce)
        for index, value in document.items:
            if self._supervisor.cancelled:
                break
            self._supervisor.begin_anew(document.timeout_seconds)
            result, place = Result(), folder.of_item(index)
            with _Noting(result):
                self._run_item(result, document.of_item(index, value), runtime, place, prepared)
            self._supervisor.settle()
            self._explain(result)
            records.write(index, result)
            remove(place)
        stopped = AttemptFailed(CANCELLED, "the attempt was asked to stop") if self._supervisor.cancelled else None
        records.sum_up(self._result, stopped)

    def _run_item(
        self,
        result: Result,
        document: InputDocument,
        runtime: Runtime,
        folder: environment.WorkFolder,
        prepared: dict[str, str],
    ) -> None:
        variables = environment.child_environment(self._settings, document, folder)
        environment.write_context(document, folder)
        runtime.write_script(folder, document.source)
        statements = Statements(folder.statements_file)
        self.program = _embedded_program(runtime, variables)
        self._run_program(result, document, runtime, runtime.command(folder, variables, prepared), statements)

    def _run_program(
        self, result: Result, document: InputDocument, runtime: Runtime, command: Command, statements: Statements
    ) -> None:
        progress = Progress(self._log, self._masker, document.nonce)

        def tick() -> None:
            statements.read()
            if document.item_index is None and progress.is_due() and (statement := statements.take_progress()):
                progress.report(statement)

        keep = CAPTURE_LIMIT if document.capture else TAIL_LIMIT
        stdout, stderr = (Relay(self._log, self._masker, keep) for _ in range(2))
        result.ended = self._supervisor.run(command, stdout, stderr, tick)
        statements.close()
        if (last := statements.take_progress()) is not None and document.item_index is None:
            progress.report(last)
        result.interpreter = statements.interpreter
        if document.capture:
            result.captured = stdout.tail(), stderr.tail()
        result.failure = self._failure(result, document, runtime, statements, stderr.tail())
        try:
            result.has_output, result.output = statements.output()
        except AttemptFailed as failure:
            result.failure = result.failure or failure

    def _failure(
        self, result: Result, document: InputDocument, runtime: Runtime, statements: Statements, errors: bytes
    ) -> AttemptFailed | None:
        """Why the program failed; what was done to it goes before what it says, and that before its end."""
        stopped, ended = self._stopped(document), result.ended
        if stopped or statements.failure:
            return stopped or statements.failure
        if ended is None or ended.exit_code == 0:
            return None
        if ended.signal_number is not None:
            name = signal_name(ended.signal_number)
            hint = " The usual cause is that memory ran out." if name == "SIGKILL" else ""
            return AttemptFailed(SIGNALLED, f"the script was ended by {name}.{hint}")
        reason = runtime.crash(errors) or last_lines(errors, REASON_LINES, REASON_LIMIT)
        return AttemptFailed(SCRIPT_FAILED, reason or f"the script ended with exit code {ended.exit_code}")

    def _explain(self, result: Result) -> None:
        """Say more of a failure that the author did not word."""
        failure = result.failure
        if failure is not None and failure.code in (SCRIPT_FAILED, HARNESS_ERROR):
            from .memory_folder import explained

            exit_code = result.ended.exit_code if result.ended else None
            failure.reason = explained(failure.reason, self._folder, exit_code)

    def _stopped(self, document: InputDocument) -> AttemptFailed | None:
        if self._supervisor.stop_code == TIMED_OUT:
            return AttemptFailed(
                TIMED_OUT, f"the attempt took longer than its timeout of {document.timeout_seconds:g} s"
            )
        if self._supervisor.stop_code == CANCELLED:
            return AttemptFailed(CANCELLED, "the attempt was asked to stop")
        return None

    def _prepare(self, document: InputDocument, runtime: Runtime, folder: environment.WorkFolder) -> dict[str, str]:
        """What to fill into the runtime's command once everything is installed and built."""
        if not runtime.prepares(document):
            return {}
        from .preparation import prepare

        def run(command: Command, stdout: Reader) -> tuple[Ended, bytes]:
            stderr = Relay(self._log, self._masker, TAIL_LIMIT)
            ended = self._supervisor.run(command, stdout, stderr, lambda: None)
            if stopped := self._stopped(document):
                raise stopped
            return ended, stderr.tail()

        filled, self._result.dependencies = prepare(document, runtime, folder, self._settings, run)
        return filled


def _embedded_program(runtime: Runtime, variables: Mapping[str, str]) -> Program:
    def program() -> None:
        os.environ.clear()
        os.environ.update(variables)
        # The script must find an interpreter that has only just started, not one full of the harness.
        package = __name__.partition(".")[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            del sys.modules[name]
        sys.path.insert(0, os.path.dirname(runtime.prelude))
        name = os.path.splitext(os.path.basename(runtime.prelude))[0]
        prelude = __import__(name)
        del sys.path[0], sys.modules[name]
        # What is left of the harness need not be looked through when the script's interpreter ends.
        gc.freeze()
        prelude.run(runtime.script_name)

    return program


def _no_program() -> None:
    raise AssertionError("nothing was started")


def _grace_seconds(settings: Mapping[str, str]) -> float:
    try:
        return max(0.0, float(settings.get("PENSTOCK_GRACE_SECONDS", GRACE_SECONDS)))
    except ValueError:
        return GRACE_SECONDS
