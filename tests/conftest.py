"""What every test stands on: a real PostgreSQL of our own, the application, two hospitals a test, and the cast.

Each test gets fresh hospitals, so tests never see each other's rows: the walls do the cleaning.
"""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
_NAME = "_".join(filter(None, (os.environ.get("DUSANGIRE_TEST_DB", "suite"), os.environ.get("PYTEST_XDIST_WORKER"))))
os.environ["DUSANGIRE_HOME"] = str(ROOT / ".dusangire" / f"test_{_NAME}")
os.environ["DUSANGIRE_CHEAP_HASHES"] = "1"
os.environ.pop("SMTP_URL", None)
sys.path.insert(0, str(ROOT))

from litestar import Litestar  # noqa: E402

from dusangire.app import create_app  # noqa: E402
from dusangire.kernel import db, embedded, schema  # noqa: E402
from dusangire.kernel.access import Actor, Role  # noqa: E402
from dusangire.kernel.settings import settings  # noqa: E402
from tests.make import Browser, Make  # noqa: E402

Person = Callable[[], Awaitable[Actor]]


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A PostgreSQL for this run: the one DATABASE_URL names (in a database of our own), or an embedded one."""
    import asyncio

    said = settings()
    running = embedded.start(embedded.place(said), said) if said.is_embedded else None
    try:
        asyncio.run(schema.prepare(said.owner_url, said))
        yield said.owner_url
    finally:
        if running is not None:
            embedded.stop(running)


@pytest.fixture(scope="session")
async def app(server: str) -> AsyncIterator[Litestar]:
    """The application, started once: its pool and its hub serve all tests of the run.

    Whoever asks fifty things at once may wait for the pool and for a lock, however busy the machine or slow its disk is.
    """
    db.PATIENCE_S = 20
    db._SERVER_SETTINGS |= {"lock_timeout": "10000", "statement_timeout": "15000"}
    application = create_app()
    async with application.lifespan():
        yield application


@pytest.fixture
async def make(app: Litestar) -> AsyncIterator[Make]:
    """Builders of rows in a hospital of this test's own; `make.other` builds in a second one."""
    async with Make.hospital(app) as made:
        yield made


@pytest.fixture
async def browser(make: Make) -> AsyncIterator[Callable[[Actor | None], Browser]]:
    """Open a browser as somebody: `browser(bosco)`, or `browser(None)` for a stranger."""
    opened: list[Browser] = []

    def open_as(actor: Actor | None) -> Browser:
        opened.append(Browser(make.app, actor))
        return opened[-1]

    yield open_as
    for one in opened:
        await one.close()


def _cast(name: str, role: Role) -> Callable[[Make], Awaitable[Actor]]:
    @pytest.fixture(name=name.split()[0].lower())
    async def person(make: Make) -> Actor:
        return await make.user(name, role)

    return person


bosco = _cast("Bosco Habimana", Role.NURSE)
diane = _cast("Diane Mukamana", Role.DOCTOR)
chantal = _cast("Chantal Uwera", Role.NUTRITIONIST)
didier = _cast("Didier Nkusi", Role.KITCHEN)
esther = _cast("Esther Ingabire", Role.DELIVERY)
faustin = _cast("Faustin Rwema", Role.SUPPORT)
grace = _cast("Grace Umutoni", Role.ADMIN)
habib = _cast("Habib Kayitare", Role.SUPER_ADMIN)


@pytest.fixture
async def amina(make: Make) -> Actor:
    """Amina, a patient in a bed with an empty chart: nobody has asked for allergies, no diet is written."""
    return await make.patient("Amina", "Uwase")


@pytest.fixture
async def ines(make: Make) -> Actor:
    """Ines, a patient of the other hospital, who must never see anything of this one."""
    other = await make.other()
    return await other.patient("Ines", "Gasana")
