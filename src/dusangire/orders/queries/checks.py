"""Reads of the verdicts that were kept: what each gate said of a tray, and by which manual it was judged."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import Gate, Reason
from dusangire.diets.rules.food_drug import FoodDrugNote
from dusangire.diets.rules.medicines import about_tray, medicines, speaks_of
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.orders.queries.orders import Order, named


class CheckRow(Struct, frozen=True):
    """One verdict at one gate. Nobody signed the version of the manual that the program came with."""

    gate: Gate
    answer: str
    reasons: tuple[Reason, ...]
    asks: tuple[Reason, ...]
    safety_rev: int
    menu_rev: int
    manual_rev: int
    manual_signed_by: str | None
    manual_signed_at: datetime | None
    at: datetime


async def checks(actor: Actor, order_id: UUID) -> list[CheckRow]:
    """Return every verdict that was kept of one tray, oldest first. One statement."""
    return await fetch(
        CheckRow,
        """
        SELECT c.gate, c.answer, c.reasons, c.asks, c.safety_rev, c.menu_rev, c.manual_rev,
               u.name AS manual_signed_by, v.signed_at AS manual_signed_at, c.at
        FROM safety_check c
        LEFT JOIN manual_version v ON v.hospital = c.hospital AND v.rev = c.manual_rev
        LEFT JOIN app_user u ON u.id = v.signed_by
        WHERE c.hospital = $1 AND c.meal_order = $2 ORDER BY c.at, c.id
        """,
        actor.hospital,
        order_id,
    )


class TrayNote(Struct, frozen=True):
    """What one medicine has to do with one tray: the dishes it is about, none where it is about the tray as a whole."""

    note: FoodDrugNote
    dishes: tuple[Named, ...]


async def medicine_notes(actor: Actor, tray: Order) -> list[TrayNote]:
    """Return the notes on a tray for the medicines its patient takes now. One statement where there are none."""
    flags = (await diets.flags(actor, [tray.patient]))[tray.patient]
    found = medicines(flags, (await diets.manual(actor)).notes if flags else ())
    if not found.notes:
        return []
    dishes, names = await menu.dishes(actor), named(tray.lines)
    told = [
        TrayNote(note, tuple(names[code] for code in names if code in dishes and speaks_of(note, dishes[code])))
        for note in found.notes
    ]
    whole = {(reason.rule, reason.subject) for reason in about_tray(tray.tray(), dishes, found)}
    return [one for one in told if one.dishes or (one.note.flag, one.note.subject) in whole]
