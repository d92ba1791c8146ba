"""The words and the limits of the harness protocol, version 1; `runtimes_images/README.md` explains them.

The reading side has its own copy in `penstock.engine.result_records`; a test holds the two together.
"""

VERSION = 1

RECORD_MARK = "\x1ePENSTOCK/1"
"""Begins the line that carries the result record."""
PROGRESS_MARK = "\x1ePENSTOCK-PROGRESS/1"
"""Begins a line that carries a progress record."""
ITEM_MARK = "\x1ePENSTOCK-ITEM/1"
"""Begins a line that carries the record of one item, where the attempt runs several."""
TERMINATION_MARK = "PENSTOCK/1z"
"""Begins a compressed record in the container's termination message."""

KIB = 1024
MIB = 1024 * KIB

INPUT_LIMIT = 64 * MIB
"""Bytes of an input document."""
OUTPUT_LIMIT = 900 * KIB
"""Bytes of a step's output as compact JSON."""
STATEMENT_LIMIT = 8 * MIB
"""Bytes of one line in the file named by PENSTOCK_OUTPUT (an output may be written with escapes)."""
OUTPUT_DEPTH = 100
"""Nested lists and objects in an output."""
LOG_LIMIT = 8 * MIB
"""Bytes of the program's standard output and standard error together that reach the log."""
ITEMS_LIMIT = 4 * MIB
"""Bytes of LOG_LIMIT that are for the records of items with their outputs, where the attempt runs several."""
LINE_OVERHEAD = 48
"""Bytes that a container runtime adds to each line of a log (CRI: time stamp, stream, tag)."""
LINE_LIMIT = 64 * KIB
"""Bytes after which a line without an end is passed on in pieces."""
CAPTURE_LIMIT = 256 * KIB
"""Bytes kept of the end of each stream when the input document asks for `capture`, measured as JSON text."""
TAIL_LIMIT = 8 * KIB
"""Bytes kept of the end of standard error to explain a failure."""
REASON_LIMIT = KIB
"""Bytes of a reason."""
REASON_LINES = 5
"""Lines of standard error that make a reason."""
PREPARATION_OUTPUT = 64 * KIB
"""Bytes kept of the end of what a program says on standard output that makes a script ready to run."""
PREPARATION_LINES = 20
"""Lines of such a program's standard error that make a reason."""
CODE_LIMIT = 64
"""Characters of a failure's code."""
PROGRESS_MESSAGE_LIMIT = 256
"""Characters of a progress message."""
PROGRESS_BUDGET = 256 * KIB
"""Bytes of all progress records of an attempt, so that they never push the log over its rotation."""
TERMINATION_LIMIT = 4096
"""Bytes that Kubernetes keeps of a termination message."""
MESSAGE_LIMIT = 4096
"""Bytes of an output in a termination message: of one that has so many, the beginning may be missing."""
ENVIRONMENT_VALUE_LIMIT = 32 * KIB
"""Bytes of one CTX_ variable; a longer value is only in the context file. Linux refuses 128 KiB."""
ENVIRONMENT_LIMIT = MIB
"""Bytes of all CTX_ variables together; Linux takes some 2 MiB of arguments and environment."""

SECRET_ENV_PREFIX = "PENSTOCK_SECRET_ENV_"
"""Begins the variables that a whole Secret gives; the rest of the name is the program's."""
SECRETS_FOLDER = "PENSTOCK_SECRETS"
"""Names the folder with the step's Secrets as files, for the harness and for the program."""
SECRET_SIZE_LIMIT = 64 * KIB
"""Bytes of a secret that is looked for in what the program says."""

MOST_ITEMS = 1000
"""Items of one attempt."""

POLL_SECONDS = 0.2
"""How often the program's statements are looked at, for progress."""
GRACE_SECONDS = 5.0
"""Between SIGTERM and SIGKILL."""
DRAIN_SECONDS = 1.0
"""How long output is still read after the program ended, when a process that left the group holds the pipe."""

HARNESS_FAILED = 125
"""Exit code when no program of the step was started."""

INPUT_INVALID = "INPUT_INVALID"
INPUT_MISMATCH = "INPUT_MISMATCH"
RUNTIME_MISSING = "RUNTIME_MISSING"
DEPENDENCIES_FAILED = "DEPENDENCIES_FAILED"
IMAGE_PULL_FAILED = "IMAGE_PULL_FAILED"
IMAGE_RUNS_AS_ROOT = "IMAGE_RUNS_AS_ROOT"
CONTAINER_FAILED = "CONTAINER_FAILED"
SCRIPT_FAILED = "SCRIPT_FAILED"
SIGNALLED = "SIGNALLED"
OUTPUT_INVALID = "OUTPUT_INVALID"
OUTPUT_TOO_LARGE = "OUTPUT_TOO_LARGE"
TIMED_OUT = "TIMED_OUT"
CANCELLED = "CANCELLED"
DISK_FULL = "DISK_FULL"
ITEMS_FAILED = "ITEMS_FAILED"
HARNESS_ERROR = "HARNESS_ERROR"
OWN_CODES = (
    INPUT_INVALID,
    INPUT_MISMATCH,
    RUNTIME_MISSING,
    DEPENDENCIES_FAILED,
    IMAGE_PULL_FAILED,
    IMAGE_RUNS_AS_ROOT,
    CONTAINER_FAILED,
    SIGNALLED,
    OUTPUT_INVALID,
    OUTPUT_TOO_LARGE,
    TIMED_OUT,
    CANCELLED,
    DISK_FULL,
    ITEMS_FAILED,
    HARNESS_ERROR,
)
"""Codes that a program cannot give itself: when it fails with one of them, that becomes SCRIPT_FAILED."""
CALL_CODES = (
    "CALL_REFUSED",
    "CALL_FAILED",
    "ANSWER_UNEXPECTED",
    "ANSWER_NOT_RECORDED",
    "BUDGET_EXCEEDED",
    "RULE_BROKEN",
)
"""Codes that the runtime of calls gives itself. A script that fails with one says the same of a call of its own."""


class AttemptFailed(Exception):
    """Ends the attempt with a code and a reason for the result record."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
