"""A whole installation under test, as `dusangire serve` supervises it: its entry, and the people who live in it.

Web and worker reach PostgreSQL and the providers through the test's seams; the simulators keep their books on disk,
because no provider forgets what it took when a process of its own dies.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from dusangire.kernel import schema
from dusangire.kernel.db import acting_as, close_pool, execute, open_pool, transaction
from dusangire.kernel.ids import fingerprint, token
from dusangire.kernel.settings import settings
from dusangire.kernel.supervise import answers, supervise
from tests.safety import arena as ground
from tests.safety.arena import Arena, Lying

DISH = "ISB"
PEOPLE = "people.json"


class Patient(Struct, frozen=True):
    """Somebody who orders: the cookie of their telephone stands for a session that is open already."""

    patient: UUID
    user: UUID
    cookie: str


class Crowd(Struct, frozen=True):
    """The patients of one hospital, each with one dish on the tray of one lunch."""

    hospital: int
    lunch: str
    people: list[Patient]

    @property
    def asked(self) -> dict[str, str]:
        """The same lunch as addresses name it."""
        day, period, _ = self.lunch.split(".")
        return {"day": day, "period": period}


def main() -> int:
    """Serve like `dusangire serve`, without the demo's hospitals."""
    said = settings()
    web = ["env", f"APP_DATABASE_URL={os.environ['KILLS_WEB_DATABASE']}", sys.executable, "-m", "dusangire.web"]
    worker = ["env", f"APP_DATABASE_URL={os.environ['KILLS_WORKER_DATABASE']}", sys.executable, "-m"]
    commands = {
        "web": web,
        "worker": [*worker, "tests.payments.kills.worker"],
        "providers": [sys.executable, "-m", "tests.payments.kills.lasting"],
    }
    return supervise(said, _prepare, commands, _ready)


def _ready() -> None:
    answers(settings(), 60)


def _prepare() -> None:
    people = asyncio.run(_settle())
    (settings().home / PEOPLE).write_bytes(msgspec.json.encode(people))


async def _settle() -> dict[str, Crowd]:
    """Make the hospitals that the test names, each with so many patients."""
    said = settings()
    await schema.prepare(said.owner_url, said)
    await open_pool(said.app_url(), 4)
    try:
        sizes = msgspec.json.decode(os.environ["KILLS_CROWDS"], type=dict[str, int])
        return {name: await _crowd(many) for name, many in sizes.items()}
    finally:
        await close_pool()


async def _crowd(many: int) -> Crowd:
    there = await ground.found(None)  # type: ignore[arg-type]  nothing of it is served from here
    people = await ground.admit(there, many)
    await ground.choose(there, people, [DISH])
    made = await _sign_in(there, people)
    return Crowd(there.hospital, f"{there.lunch.day}.{there.lunch.period}.", made)


async def _sign_in(there: Arena, people: Sequence[Lying]) -> list[Patient]:
    """Open a session for each, and give each an address for mail."""
    secrets, memberships = [token() for _ in people], [uuid4() for _ in people]
    users, patients = [one.actor.user for one in people], [one.patient for one in people]
    with acting_as(there.actor):
        async with transaction():
            await execute(
                "UPDATE app_user SET email = 'p' || replace(id::text, '-', '') || '@test.example' "
                "WHERE id = ANY ($1::uuid[])",
                users,
            )
            await execute(
                "INSERT INTO membership (id, hospital, app_user, role, patient) SELECT m, $1, u, 'patient', p "
                "FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS t(m, u, p)",
                there.hospital, memberships, users, patients,
            )  # fmt: skip
            await execute(
                "INSERT INTO session (token_hash, hospital, app_user, membership, admission, device, ends_at) "
                "SELECT t, $1, u, m, a, '', now() + interval '6 hours' "
                "FROM unnest($2::bytea[], $3::uuid[], $4::uuid[], $5::uuid[]) AS t(t, u, m, a)",
                there.hospital, [fingerprint(one) for one in secrets], users, memberships,
                [one.admission for one in people],
            )  # fmt: skip
    return [
        Patient(one.patient, one.actor.user, f"{there.hospital}.{secret}")
        for one, secret in zip(people, secrets, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
