"""The web server process: granian, with the settings that long-lived streams need."""

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server

from dusangire.kernel.settings import settings


def main() -> None:
    """Serve until told to stop."""
    said = settings()
    Server(
        "dusangire.app:create_app",
        factory=True,
        address=said.host,
        port=said.port,
        interface=Interfaces.ASGI,
        workers=said.web_workers,
        loop=Loops.uvloop,
        backlog=4096,
        backpressure=16384,
        respawn_failed_workers=True,
        workers_kill_timeout=4,
        log_access=False,
        log_level=LogLevels.warning,
    ).serve()


if __name__ == "__main__":
    main()
