"""Reads that placing an order needs: answers already given, a free code, the stay's account."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one, fetch_value
from dusangire.kernel.ids import short_code
from dusangire.orders.rules import LETTERS
from dusangire.payments.rules import Method


class Kept(Struct, frozen=True):
    """The answer that was given to a key before, and to which words it was given."""

    app_user: UUID
    body_hash: bytes
    answer: str


async def kept_answer(actor: Actor, key: str) -> Kept | None:
    """Return the answer kept under a key; None for a new one."""
    return await fetch_one(
        Kept,
        "SELECT app_user, body_hash, answer FROM idempotency WHERE hospital = $1 AND key = $2",
        actor.hospital,
        key,
    )


async def free_code(actor: Actor, period: str) -> str:
    """Return a code that no order of the hospital carries yet: the meal's letter and five that are read aloud well."""
    for _ in range(5):
        wanted = [f"{LETTERS[period]}-{short_code(5)}" for _ in range(3)]
        found = await fetch_value(
            """
            SELECT c FROM unnest($2::text[]) AS c
            WHERE NOT EXISTS (SELECT FROM meal_order o WHERE o.hospital = $1 AND o.code = c) LIMIT 1
            """,
            actor.hospital,
            wanted,
        )
        if found is not None:
            return str(found)
    raise RuntimeError("no free order code was found in fifteen tries")


class Placed(Struct, frozen=True):
    """An order of the sitting that was placed before."""

    id: UUID
    code: str


async def last_placed(actor: Actor, patient: UUID, day: date, period: str) -> Placed | None:
    """Return the latest order of this sitting, whatever became of it."""
    return await fetch_one(
        Placed,
        """
        SELECT id, code FROM meal_order
        WHERE hospital = $1 AND patient = $2 AND day = $3 AND period = $4 ORDER BY placed_at DESC LIMIT 1
        """,
        actor.hospital,
        patient,
        day,
        period,
    )


async def last_method(actor: Actor, patient: UUID) -> Method | None:
    """Return how the patient's own share was paid last time, to be offered first."""
    method = await fetch_value(
        """
        SELECT y.method FROM payment y JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
        WHERE y.hospital = $1 AND o.patient = $2 AND o.automatic = '' AND y.payer = 'patient' AND y.method <> 'fund'
        ORDER BY y.created_at DESC LIMIT 1
        """,
        actor.hospital,
        patient,
    )
    return Method(method) if method else None
