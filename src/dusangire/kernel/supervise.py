"""Supervision: PostgreSQL, web and worker as children; what dies is started again; nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from ctypes import CDLL

from dusangire.kernel import embedded
from dusangire.kernel.embedded import NoDatabase, Place
from dusangire.kernel.settings import Settings

_PR_SET_PDEATHSIG = 1


class Child:
    """One supervised process of ours and the command that makes it."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name, self.command = name, command
        self.started_at = 0.0
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self.started_at = time.monotonic()
        return subprocess.Popen(self.command, start_new_session=True, preexec_fn=die_with_parent)  # noqa: PLW1509

    def revive(self) -> None:
        """Start it again if it ended; one that ends at once waits a second, so that nothing spins."""
        if self.process.poll() is not None:
            print(f"{self.name} ended ({self.process.returncode}); starting it again", file=sys.stderr, flush=True)
            self._end_orphans()
            time.sleep(1 if time.monotonic() - self.started_at < 2 else 0)
            self.process = self._start()

    def stop(self, limit_s: float = 8) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)
        self._end_orphans()

    def _end_orphans(self) -> None:
        """End what a killed process left of its own: an old web worker would hold the port and go on serving."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


def supervise(
    settings: Settings, prepare: Callable[[], None], commands: dict[str, list[str]], ready: Callable[[], None]
) -> int:
    """Start everything, keep it running until SIGINT or SIGTERM, stop it in order. Returns the exit code.

    prepare: brings the database to this release and seeds it. ready: called once the children run.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    where = embedded.place(settings) if settings.is_embedded else None
    server = embedded.start(where, settings) if where else None
    children: list[Child] = []
    try:
        prepare()
        children = [Child(name, command) for name, command in commands.items()]
        ready()
        while not ended.wait(0.3):
            server = _revive_server(server, where, settings)
            for child in children:
                child.revive()
    finally:
        for child in children:
            child.stop()
        if server is not None:
            embedded.stop(server)
    return 0


def answers(settings: Settings, limit_s: float = 30) -> bool:
    """Wait until the web server answers; say whether it does."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        try:
            with urllib.request.urlopen(f"http://{host}:{settings.port}/health/live", timeout=1):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    print(f"the web server does not answer on {host}:{settings.port}", file=sys.stderr, flush=True)
    return False


def _revive_server(
    server: subprocess.Popen[bytes] | None, where: Place | None, settings: Settings
) -> subprocess.Popen[bytes] | None:
    if server is None or where is None or server.poll() is None:
        return server
    print(f"PostgreSQL ended ({server.returncode}); starting it again", file=sys.stderr, flush=True)
    try:
        return embedded.start(where, settings)
    except (NoDatabase, OSError) as error:
        print(f"PostgreSQL does not start yet: {error}", file=sys.stderr, flush=True)
        time.sleep(1)
        return server


def die_with_parent() -> None:
    """Let the system stop this process in order when the one that started it is gone, however it went."""
    if sys.platform == "linux":
        CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
