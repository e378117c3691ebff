import os
import signal
import time
import urllib.request

import pytest

from tests.served import ROOT, await_ready, processes, ready, served

PORT = 8471
HOME = "serving"


def _page(path: str) -> tuple[int, str]:
    with urllib.request.urlopen(f"http://localhost:{PORT}{path}", timeout=5) as answer:
        return answer.status, answer.read().decode()


def _of_this_home() -> list[int]:
    return processes(str(ROOT / ".dusangire" / HOME)) + [
        pid for pid in processes("dusangire.web") + processes("dusangire.cli") if _home(pid) == HOME
    ]


def _home(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            environment = dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)
    except OSError:
        return ""
    return os.path.basename(environment.get(b"DUSANGIRE_HOME", b"").decode())


@pytest.mark.req("S1", "S4")
def test_a_first_start_serves_the_demo_a_second_one_changes_nothing_and_ctrl_c_leaves_nothing_behind():
    with served(HOME, PORT) as process:
        assert _page("/sign-in")[0] == 200
        assert _page("/health/live")[0] == 200
        said = b""
        while b"Ctrl-C" not in said:
            said += process.stdout.readline()
        assert b"patient@demo.dusangire.example" in said
        assert b"healing-through-nutrition" in said
        assert b"Telephones that are asked for money" in said
        assert [pid for pid in processes("simulate-providers") if _home(pid) == HOME]
        assert _of_this_home()
    assert process.returncode == 0
    assert _of_this_home() == []
    with served(HOME, PORT, fresh=False):
        assert _page("/sign-in")[0] == 200
    assert _of_this_home() == []


@pytest.mark.req("S1", "CHK-7.2.4")
def test_a_killed_database_comes_back_and_the_application_is_not_restarted():
    with served(HOME, PORT, fresh=False) as process:
        web = [pid for pid in processes("dusangire.web") if _home(pid) == HOME]
        (postmaster,) = processes("bin/postgres", "-D", HOME)
        os.kill(postmaster, signal.SIGKILL)
        seen = set()
        ends = time.monotonic() + 30
        while time.monotonic() < ends and not (len(seen) > 0 and ready(PORT) == 200):
            seen.add(ready(PORT))
            time.sleep(0.1)
        await_ready(PORT, process, 20)
        assert [pid for pid in processes("dusangire.web") if _home(pid) == HOME] == web
        assert _page("/sign-in")[0] == 200


@pytest.mark.req("S1")
def test_a_production_start_without_a_secret_is_refused_with_the_mend(capfd):
    import subprocess
    import sys

    env = {**os.environ, "DUSANGIRE_ENV": "production", "DUSANGIRE_HOME": str(ROOT / ".dusangire" / "never")}
    env.pop("DUSANGIRE_SECRET", None)
    said = subprocess.run(
        [sys.executable, "-m", "dusangire.cli", "serve"], env=env, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert said.returncode == 2
    assert "DUSANGIRE_SECRET" in said.stderr
