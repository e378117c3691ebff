"""The web server process: granian, with the settings that long-lived streams need."""

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server import Server
from litestar import Litestar

from dusangire.kernel.settings import settings
from dusangire.kernel.supervise import die_with_parent


def create() -> Litestar:
    """Return the application, in a worker process that does not outlive the server that started it."""
    from dusangire.app import create_app

    die_with_parent()
    return create_app()


def main() -> None:
    """Serve until told to stop."""
    said = settings()
    Server(
        "dusangire.web:create",
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
