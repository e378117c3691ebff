"""The served program without its lock, for the negative control of races over HTTP; it also starts without guards."""

import os
from typing import Any
from uuid import UUID

from granian.constants import Interfaces, Loops
from granian.server import Server
from litestar import Litestar

from dusangire import app as application
from dusangire.diets import queries as diet_queries
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value
from dusangire.wards import queries as ward_queries


async def unlocked(actor: Actor, patient: UUID) -> int:
    """Read the patient's revision and lock nothing."""
    rev = await fetch_value(
        "SELECT safety_rev FROM patient_safety WHERE hospital = $1 AND patient = $2 /* no FOR NO KEY UPDATE */",
        actor.hospital,
        patient,
    )
    assert rev is not None
    return int(rev)


async def unkept(_: Actor) -> None:
    """Let the menu change under the gate."""


async def unrefused(_: Any) -> None:
    """Start although the guards are switched off: a second process may still be starting when they are."""


def create_app() -> Litestar:
    """Return the application with its lock left out."""
    ward_queries.locked_safety_rev = unlocked
    diet_queries.keep_revisions = unkept
    application.refuse_unguarded = unrefused
    return application.create_app()


if __name__ == "__main__":
    Server(
        "tests.safety.lockless:create_app",
        factory=True,
        port=int(os.environ["PORT"]),
        interface=Interfaces.ASGI,
        workers=int(os.environ["WEB_WORKERS"]),
        loop=Loops.uvloop,
    ).serve()
