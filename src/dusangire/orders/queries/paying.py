"""Reads around the money of a tray: where trays are brought for what, and which trays still wait to be paid."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.orders.rules import Place, Status
from dusangire.orders.rules.paying import Zone
from dusangire.payments.rules.fiscal import TaxClass


class Unpaid(Struct, frozen=True):
    """A tray that waits for its payment, or was stopped while it did."""

    id: UUID
    code: str
    patient: UUID
    status: Status
    cutoff_at: datetime
    placed_at: datetime


class Terms(Struct, frozen=True):
    """What a tray to one place costs beside its dishes: None where none is brought, and the class of its tax."""

    charge_minor: int | None
    tax_class: TaxClass


async def terms(actor: Actor, place: Place) -> Terms:
    """Return the terms of now, in one statement."""
    found = await fetch_one(
        Terms,
        """
        SELECT (SELECT charge_minor FROM delivery_zone WHERE hospital = $1 AND place = $2) AS charge_minor,
               coalesce((SELECT tax_class FROM fiscal_setting WHERE hospital = $1), 'A') AS tax_class
        """,
        actor.hospital,
        place.value,
    )
    assert found is not None  # noqa: S101  a SELECT without FROM has one row
    return found


async def zones(actor: Actor) -> list[Zone]:
    """Return where this hospital brings trays: the bed first, then what costs least."""
    return await fetch(
        Zone,
        """
        SELECT code, place, charge_minor FROM delivery_zone WHERE hospital = $1 AND place IS NOT NULL
        ORDER BY place <> 'bed', charge_minor, code
        """,
        actor.hospital,
    )


async def unpaid(actor: Actor) -> list[Unpaid]:
    """Return the trays that wait for their payment, those that close first on top."""
    return await fetch(
        Unpaid,
        """
        SELECT id, code, patient, status, cutoff_at, placed_at FROM meal_order
        WHERE hospital = $1 AND (status = 'awaiting_payment' OR status = 'held' AND held_from = 'awaiting_payment')
        ORDER BY cutoff_at, id LIMIT 500
        """,
        actor.hospital,
    )


async def own_phone(actor: Actor, patient: UUID) -> str:
    """Return the number to begin with: kept for paying, else of the account; for staff the patient's. '' for none."""
    is_self = actor.patient == patient
    found = await fetch_value(
        """
        SELECT coalesce(
            (SELECT phone FROM saved_phone WHERE hospital = $1 AND app_user = $2 AND $4
             ORDER BY used_at DESC LIMIT 1),
            (SELECT phone FROM app_user WHERE id = $2 AND $4),
            (SELECT phone FROM patient WHERE hospital = $1 AND id = $3))
        """,
        actor.hospital,
        actor.user,
        patient,
        is_self,
    )
    return str(found or "")
