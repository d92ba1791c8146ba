"""A PostgreSQL of this machine's programs, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def programs() -> Path | None:
    """Where initdb and pg_ctl are; None where no PostgreSQL is installed."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@dataclass(frozen=True, slots=True)
class Postgres:
    """A database that others than this machine's programs reach too."""

    own: str
    """SQLAlchemy URL for its owner, through a socket."""
    host: str
    port: int

    def url_of(self, user: str) -> str:
        """The URL for somebody with a password, which is not in it."""
        return f"postgresql+psycopg://{user}@{self.host}:{self.port}/postgres"


@contextmanager
def serving_postgres(bin_folder: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database, reached through a socket in its own folder."""
    with _serving(bin_folder, "-c listen_addresses=''") as folder:
        yield f"postgresql+psycopg://shop@/postgres?host={folder}"


@contextmanager
def reachable_postgres(bin_folder: Path, host: str) -> Iterator[Postgres]:
    """An empty database that is reached at an address of this machine too, with a password."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    with _serving(bin_folder, f"-c listen_addresses={host} -p {port}", guests=True) as folder:
        yield Postgres(f"postgresql+psycopg://shop@/postgres?host={folder}&port={port}", host, port)


@contextmanager
def _serving(bin_folder: Path, listening: str, *, guests: bool = False) -> Iterator[Path]:
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
        if guests:
            with (data / "pg_hba.conf").open("a") as file:
                file.write("host all all all scram-sha-256\n")
        options = f"-k {folder} -c fsync=off {listening}"
        run("pg_ctl", "--wait", "-D", str(data), "-o", options, "-l", str(folder / "log"), "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "--wait", "-D", str(data), "-m", "immediate", "stop")
