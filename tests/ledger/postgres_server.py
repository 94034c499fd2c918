"""A PostgreSQL server of the tests' own, on a free port of the loopback interface.

Its data lie in a folder that is removed at the end. initdb refuses to run as root: then the
server runs as the user `postgres`, who must own the folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OWNER, APPLICATION = "qfs_owner", "qfs_application"
SUPERUSER_PASSWORD, PASSWORD = "loud-Shell-73", "quiet-Harbour-91"
_START_SECONDS = 30


def absent() -> str | None:
    """What keeps a server from being started, or None."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed"
    if _program("postgres") is None:
        return "PostgreSQL is not installed (Debian package postgresql)"
    return None


def _program(name: str) -> str | None:
    """A program of the newest installed release; Debian keeps them out of PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda p: float(p.parts[4])
    )
    return str(found[-1]) if found else shutil.which(name)


class Server:
    """A running server, which tests may kill and start again."""

    def __init__(self, folder: Path, fsync: bool) -> None:
        self.folder = folder
        self.fsync = fsync
        self._user: dict[str, Any] = {"user": "postgres"} if os.geteuid() == 0 else {}
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        password = folder / "password"
        password.write_text(SUPERUSER_PASSWORD)
        if self._user:
            for path in (folder, password):
                shutil.chown(path, "postgres")
        self._run(
            "initdb", "--no-sync", "--no-locale", "--encoding=UTF8", "--username=postgres",
            "--auth=scram-sha-256", f"--pwfile={password}", "-D", str(folder / "data"),
        )  # fmt: skip
        self.start()
        for role in (OWNER, APPLICATION):
            self.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")

    def url(self, database: str, role: str = APPLICATION, password: str = PASSWORD) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def admin_url(self, database: str = "postgres") -> str:
        return self.url(database, "postgres", SUPERUSER_PASSWORD)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement as the superuser; its rows, if it has any."""
        import psycopg

        with psycopg.connect(self.admin_url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def empty_database(self, name: str) -> None:
        """A database of the owner role without a log and without sessions.

        Emptying one takes a tenth of the time of creating one.
        """
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            self.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        self.end_sessions(name)
        self.execute("DROP SCHEMA IF EXISTS qfs CASCADE", name)

    def end_sessions(self, database: str) -> None:
        """End every session in a database, and wait until they are gone."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            f" WHERE datname = '{database}'"
        )

    def kill_session(self, database: str) -> None:
        """Kill the process that serves a log in a database, and wait until all is well again.

        The server then ends every other session and recovers. It takes a moment to notice: until
        it has ended a session that is looked at, it may answer as before.
        """
        import psycopg

        with psycopg.connect(self.admin_url(), autocommit=True) as witness:
            query = (
                "SELECT pid FROM pg_stat_activity WHERE application_name = 'qfs' AND datname = %s"
            )
            ((process_id,),) = witness.execute(query, (database,)).fetchall()
            os.kill(process_id, signal.SIGKILL)
            with contextlib.suppress(psycopg.OperationalError):
                while True:
                    witness.execute("SELECT 1")
        self.start()

    def start(self) -> None:
        """Start the server, and wait until it answers. After a kill, children may linger."""
        import psycopg

        program = _program("postgres")
        assert program is not None
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "fsync": "on" if self.fsync else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + _START_SECONDS
        while True:
            if self._process is None or self._process.poll() is not None:
                with (self.folder / "server.log").open("ab") as log:
                    self._process = subprocess.Popen(
                        [program, "-D", str(self.folder / "data"), *options],
                        stdout=log,
                        stderr=log,
                        cwd=self.folder,
                        **self._user,
                    )
            try:
                psycopg.connect(self.admin_url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    log_text = (self.folder / "server.log").read_text(errors="replace")
                    raise RuntimeError(f"the server does not answer:\n{log_text}") from None
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """Kill the server's first process, as a crash or the kernel would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            # SIGINT: a fast shutdown, which ends sessions.
            self._process.send_signal(signal.SIGINT)
            self._process.wait()

    def _run(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        subprocess.run(
            [program, *arguments], check=True, capture_output=True, cwd=self.folder, **self._user
        )


@contextlib.contextmanager
def running(fsync: bool) -> Iterator[Server]:
    """A server that is stopped, and its folder removed, at the end.

    Killed processes lose nothing that they handed to the kernel, so that tests which kill need
    no fsync; only a power failure does, which no test here causes.
    """
    with tempfile.TemporaryDirectory(prefix="qfs-postgres-") as folder:
        server = Server(Path(folder), fsync)
        try:
            yield server
        finally:
            server.stop()
