"""Reads of what a patient has chosen and not yet ordered: one cart per sitting, on every device the same."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import TrayLine
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one
from dusangire.kernel.phrase import Named


class CartLine(Struct, frozen=True):
    """So many portions of one dish."""

    dish: UUID
    dish_code: str
    name_en: str
    name_fr: str
    name_rw: str
    portion: Decimal
    quantity: int

    @property
    def named(self) -> Named:
        return Named(self.name_en, self.name_fr, self.name_rw)

    def name(self, language: str) -> str:
        return self.named.said(language)

    def tray_line(self) -> TrayLine:
        """Return what the verdict is asked about."""
        return TrayLine(self.dish_code, self.portion, self.quantity)


class Cart(Struct, frozen=True):
    """What is chosen for one sitting; `id` is None while nothing ever was."""

    id: UUID | None
    day: date
    period: str
    lines: tuple[CartLine, ...] = ()

    @property
    def count(self) -> int:
        """How many plates."""
        return sum(line.quantity for line in self.lines)

    def tray(self) -> tuple[TrayLine, ...]:
        return tuple(line.tray_line() for line in self.lines)


CART_ROWS = """
    SELECT c.id, c.day, c.period,
        (SELECT coalesce(jsonb_agg(jsonb_build_object('dish', l.dish, 'dish_code', d.code, 'name_en', d.name_en,
            'name_fr', d.name_fr, 'name_rw', d.name_rw, 'portion', l.portion::text, 'quantity', l.quantity)
            ORDER BY l.added_at, l.id), '[]')
         FROM cart_line l JOIN dish d ON d.hospital = l.hospital AND d.id = l.dish
         WHERE l.hospital = c.hospital AND l.cart = c.id) AS lines
    FROM cart c
"""
_CART = CART_ROWS + " WHERE c.hospital = $1 AND c.patient = $2 AND c.checked_out_at IS NULL"


async def cart(actor: Actor, patient: UUID, day: date, period: str) -> Cart:
    """Return the open cart of one sitting; an empty one where there is none."""
    found = await fetch_one(Cart, _CART + " AND c.day = $3 AND c.period = $4", actor.hospital, patient, day, period)
    return found or Cart(None, day, period)


class _Id(Struct, frozen=True):
    id: UUID


async def locked_cart(actor: Actor, patient: UUID, day: date, period: str) -> UUID | None:
    """Return the sitting's open cart and keep other devices from changing it until the transaction ends."""
    found = await fetch_one(
        _Id,
        """
        SELECT id FROM cart WHERE hospital = $1 AND patient = $2 AND day = $3 AND period = $4 AND checked_out_at IS NULL
        FOR UPDATE
        """,
        actor.hospital,
        patient,
        day,
        period,
    )
    return found.id if found else None
