"""A PostgreSQL of this machine's programs, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and pg_ctl are; None where no PostgreSQL is installed."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@contextmanager
def serving_postgres(bin_folder: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database, reached through a socket in its own folder."""
    # Not below the folder of a test: a socket's path has 107 bytes, and PostgreSQL does not run as root.
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        user = None if os.getuid() else "nobody"
        if user is not None:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        data = folder / "data"

        def run(program: str, *words: str) -> None:
            subprocess.run([bin_folder / program, *words], check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)

        run("initdb", "--no-sync", "--auth=trust", "--username=shop", "-D", str(data))
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run("pg_ctl", "--wait", "-D", str(data), "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield f"postgresql+psycopg://shop@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--wait", "-D", str(data), "-m", "immediate", "stop")
