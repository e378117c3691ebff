"""`dusangire serve` as a person starts it: a process of its own, a home of its own, on loopback."""

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def served(name: str, port: int, *, fresh: bool = True, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    """Serve until the block ends, then press Ctrl-C."""
    home = ROOT / ".dusangire" / name
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    env = {
        **os.environ,
        "DUSANGIRE_HOME": str(home),
        "PORT": str(port),
        "PUBLIC_URL": f"http://localhost:{port}",
        "DUSANGIRE_CHEAP_HASHES": "1",
        **settings,
    }
    env.pop("DATABASE_URL", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "dusangire.cli", "serve"], cwd=ROOT, env=env, stdout=subprocess.PIPE
    )
    try:
        await_ready(port, process)
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(40)


def await_ready(port: int, process: subprocess.Popen[bytes], limit_s: float = 90) -> None:
    """Wait until /health/ready says 200."""
    ends = time.monotonic() + limit_s
    while time.monotonic() < ends:
        assert process.poll() is None, "the server ended at its start"
        if ready(port) == 200:
            return
        time.sleep(0.1)
    raise AssertionError(f"the server did not get ready in {limit_s:.0f} s")


def ready(port: int) -> int:
    """Return the status of /health/ready, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (urllib.error.URLError, OSError):
        return 0


def processes(*words: str) -> list[int]:
    """Return the ids of the processes whose command line holds all the words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words) and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found
