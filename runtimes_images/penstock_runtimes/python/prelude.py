"""Runs a Python script with `context`, `item`, `steps`, `run`, `output`, `fail` and `progress`.

Started by the harness, in a fork of its interpreter (`run`) or on its own (`python -I -S prelude.py SCRIPT`).
It knows nothing of the harness but the JSON module and the files that the environment names.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from io import TextIOWrapper
    from types import TracebackType
    from typing import Any, NoReturn

    from penstock_runtimes.harness import lean_json
else:
    _harness = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "harness")
    sys.path.insert(0, _harness)
    lean_json = __import__("lean_json")
    sys.path.remove(_harness)
    del sys.modules["lean_json"]

_MOST_NAMES = 20


class Record(dict):  # type: ignore[type-arg]  # as the base class of a plain dict at run time
    """A dict whose keys can also be read and set as attributes; a dict's own methods keep their names."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            names = ", ".join(sorted(map(str, self))[:_MOST_NAMES]) or "nothing"
            raise AttributeError(f"there is no {name!r} here; there is: {names}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self if isinstance(name, str))]


def run(script: str) -> None:
    """Run the script as `__main__`; ends with `SystemExit` unless the script runs through."""
    environment = os.environ
    statements = environment["PENSTOCK_OUTPUT"]
    _add_packages(statements)
    # New ones, for those of a fork still think that they write where the harness does.
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr  # type: ignore[misc]  # Final, but these are new
    with open(environment["PENSTOCK_CONTEXT_FILE"], encoding="utf-8") as file:
        values = lean_json.loads(file.read(), Record)
    state = _speech(statements)
    version = ".".join(map(str, sys.version_info[:3]))
    state["state"]({"interpreter": f"Python {version}"})
    with open(script, encoding="utf-8", newline="") as file:
        source = file.read()
    main = type(sys)("__main__")
    main.__dict__.update(
        __file__=script,
        __builtins__=builtins,
        context=values["context"],
        item=values["item"],
        itemIndex=values["itemIndex"],
        steps=values["steps"],
        run=values["run"],
        output=state["output"],
        fail=state["fail"],
        progress=state["progress"],
    )
    sys.argv = [script]
    # The old main module must outlive its frames.
    main.__dict__["__penstock__"], sys.modules["__main__"] = sys.modules["__main__"], main
    # `site` defines these, and it did not run; scripts use them as if they were statements.
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]  # typeshed knows only site's own class
    try:
        exec(compile(source, script, "exec", dont_inherit=True), main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever the script raised is its own, and is shown as such
        trace = _script_trace(error, script)
        state["state"]({"fail": {"code": "SCRIPT_FAILED", "reason": _reason(error, trace, script)}})
        error.__traceback__ = trace
        try:
            sys.stdout.flush()
        finally:
            sys.excepthook(type(error), error, trace)
        raise SystemExit(1) from None


def _stream(handle: int) -> TextIOWrapper:
    # By line, so that a follower of the log sees a line when it is printed.
    return open(handle, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _reason(error: BaseException, trace: TracebackType | None, script: str) -> str:
    """One line: what went wrong, and in which line of the script, wherever that line led to."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001  # an exception may fail to describe itself
        text = type(error).__name__
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == script:
            line = trace.tb_lineno
        trace = trace.tb_next
    return text if line is None else f"{text} ({script}, line {line})"


def _script_trace(error: BaseException, script: str) -> TracebackType | None:
    """The traceback from the script's first line on, as if the script had been started directly."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    # An error that these functions raise is shown where the script calls them.
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    while len(frames) > 1 and frames[-1].tb_frame.f_code.co_filename == __file__:
        frames.pop()
        frames[-1].tb_next = None
    return frames[0] if frames else None


def _speech(path: str) -> dict[str, Callable[..., Any]]:
    """The functions through which the script speaks to the harness."""

    def state(statement: dict[str, Any]) -> None:
        data = memoryview(lean_json.dumps(statement).encode() + b"\n")
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while data:
                data = data[os.write(handle, data) :]
        finally:
            os.close(handle)

    def output(value: Any) -> None:
        """Set the step's output to a value that JSON can hold; the last call counts."""
        try:
            state({"output": value})
        except (TypeError, ValueError, RecursionError) as error:
            raise (
                type(error)(
                    f"output() takes None, bool, int, float, str, list and dict: {error}; convert it, say with str()"
                )
                if not isinstance(error, UnicodeError)
                else ValueError("output() was given half of a surrogate pair, which UTF-8 cannot hold")
            ) from None

    def fail(code: str, reason: str = "") -> NoReturn:
        """End the step as failed, with a code for programs and a reason for people."""
        state({"fail": {"code": str(code), "reason": str(reason)}})
        raise SystemExit(1)

    def progress(current: float, total: float | None = None, message: str = "") -> None:
        """Say how far the step is."""
        state({"progress": {"current": current, "total": total, "message": str(message)}})

    return {"state": state, "output": output, "fail": fail, "progress": progress}


def _add_packages(statements: str) -> None:
    """Make installed packages importable: the image's, or those of the environment made for this attempt.

    A virtual environment that happens to hold the harness is left out, or a script would find packages on a laptop
    that it does not find in the cluster.
    """
    environment = os.path.dirname(os.path.dirname(os.path.abspath(sys.executable)))
    is_virtual = os.path.exists(os.path.join(environment, "pyvenv.cfg"))
    made_for_this = environment.startswith(os.path.dirname(statements) + os.sep)
    if made_for_this or not is_virtual:
        import site

        site.main()


if __name__ == "__main__":
    run(sys.argv[1])
