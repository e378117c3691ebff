"""Reads that a verdict is judged on: all trays of a patient that anybody may still eat from."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import OtherTray
from dusangire.kernel.access import Actor
from dusangire.kernel.clock import local
from dusangire.kernel.db import fetch
from dusangire.orders.queries.orders import ORDER_ROWS, Order
from dusangire.orders.rules import GONE, MEALS, OPEN, Status


async def trays(actor: Actor, patient: UUID, first: date, last: date | None = None) -> list[Order]:
    """Return the patient's trays from one day to another (`last` None: and later) that are not called off.

    Read afresh and in one statement; the visibility of the reader does not narrow it, because a verdict needs them all.
    """
    return await fetch(
        Order,
        f"""
        {ORDER_ROWS}
        WHERE o.hospital = $1 AND o.patient = $2 AND o.day >= $3 AND ($4::date IS NULL OR o.day <= $4)
          AND o.status <> ALL($5::text[])
        ORDER BY o.serve_from, o.placed_at, o.id
        """,
        actor.hospital,
        patient,
        first,
        last,
        [str(status) for status in GONE],
    )


def others(found: Iterable[Order], but: UUID | None, zone: str) -> list[OtherTray]:
    """Return the trays, all but one, as a verdict counts them; a stopped tray that was replaced nobody will eat."""
    trays_found = list(found)
    given_up = stopped_and_replaced(trays_found)
    return [
        OtherTray(MEALS[one.period], one.day, str(one.status), one.tray(), local(one.serve_from, zone))
        for one in trays_found
        if one.id != but and one.id not in given_up
    ]


def stopped_and_replaced(found: Iterable[Order]) -> frozenset[UUID]:
    """Return the stopped trays that another one of these is there for."""
    trays_found = list(found)
    held = {one.id for one in trays_found if one.status is Status.HELD}
    return frozenset(one.replaces for one in trays_found if one.replaces in held and one.replaces)


class _Patient(Struct, frozen=True):
    patient: UUID


async def patients_with_open_dish(actor: Actor, dish: UUID) -> list[UUID]:
    """Return the patients with an open tray that holds the dish, in the order in which their rows are locked."""
    rows = await fetch(
        _Patient,
        """
        SELECT DISTINCT o.patient FROM meal_order o
        JOIN order_line l ON l.hospital = o.hospital AND l.meal_order = o.id
        WHERE o.hospital = $1 AND l.dish = $2 AND l.replaced_at IS NULL AND o.status = ANY($3::text[])
        ORDER BY o.patient
        """,
        actor.hospital,
        dish,
        [str(status) for status in OPEN],
    )
    return [row.patient for row in rows]


async def patients_with_open_ingredient(actor: Actor, ingredient: UUID) -> list[UUID]:
    """Return the patients with an open tray of a dish that is made with the ingredient, in the order of locking."""
    rows = await fetch(
        _Patient,
        """
        SELECT DISTINCT o.patient FROM meal_order o
        JOIN order_line l ON l.hospital = o.hospital AND l.meal_order = o.id
        WHERE o.hospital = $1 AND l.replaced_at IS NULL AND o.status = ANY($3::text[])
          AND EXISTS (SELECT FROM recipe_line r WHERE r.hospital = $1 AND r.dish = l.dish AND r.ingredient = $2)
        ORDER BY o.patient
        """,
        actor.hospital,
        ingredient,
        [str(status) for status in OPEN],
    )
    return [row.patient for row in rows]


async def patients_with_open_line(actor: Actor, lines: list[UUID]) -> list[UUID]:
    """Return the patients with an open tray that holds a dish of these kitchen lines, in the order of locking."""
    rows = await fetch(
        _Patient,
        """
        SELECT DISTINCT o.patient FROM meal_order o
        JOIN order_line l ON l.hospital = o.hospital AND l.meal_order = o.id
        JOIN dish d ON d.hospital = l.hospital AND d.id = l.dish
        WHERE o.hospital = $1 AND d.kitchen_line = ANY($2::uuid[]) AND l.replaced_at IS NULL
          AND o.status = ANY($3::text[])
        ORDER BY o.patient
        """,
        actor.hospital,
        lines,
        [str(status) for status in OPEN],
    )
    return [row.patient for row in rows]
