"""Reads for the meals of others: who comes before the staff, and what the kitchen makes on a day."""

from datetime import date, datetime, timedelta

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.kernel.phrase import Named
from dusangire.orders.rules import GONE


class PatientDish(Struct, frozen=True):
    """How often a dish is made for patients at one meal of a day."""

    period: str
    dish_code: str
    name_en: str
    name_fr: str
    name_rw: str
    quantity: int

    def name(self, language: str) -> str:
        return Named(self.name_en, self.name_fr, self.name_rw).said(language)


async def production(actor: Actor, day: date) -> list[PatientDish]:
    """Return what is on the patients' trays of a day that are not called off, by meal and dish."""
    return await fetch(
        PatientDish,
        """
        SELECT o.period, l.dish_code, l.name_en, l.name_fr, l.name_rw, sum(l.quantity)::int AS quantity
        FROM meal_order o JOIN order_line l ON l.hospital = o.hospital AND l.meal_order = o.id AND l.replaced_at IS NULL
        WHERE o.hospital = $1 AND o.day = $2 AND o.status <> ALL($3::text[])
        GROUP BY 1, 2, 3, 4, 5 ORDER BY min(o.serve_from), 3
        """,
        actor.hospital,
        day,
        sorted(GONE),
    )


class Waiting(Struct, frozen=True):
    """A patient's tray that nobody has begun; critical with an allergy or with insulin at meals."""

    serve_from: datetime
    is_critical: bool


async def waiting_patients(actor: Actor, until: datetime) -> list[Waiting]:
    """Return the patients' trays that wait to be begun and are served no later than this, last night's included."""
    return await fetch(
        Waiting,
        """
        SELECT o.serve_from,
            EXISTS (SELECT FROM allergy a
                    WHERE a.hospital = o.hospital AND a.patient = o.patient AND a.ended_at IS NULL)
            OR EXISTS (SELECT FROM care_flag f WHERE f.hospital = o.hospital AND f.patient = o.patient
                       AND f.kind = 'mealtime_insulin' AND f.ended_at IS NULL) AS is_critical
        FROM meal_order o
        WHERE o.hospital = $1 AND o.status = 'confirmed' AND o.serve_from <= $2 AND o.day >= $3
        """,
        actor.hospital,
        until,
        clock.local_day(clock.now(), actor.zone) - timedelta(days=1),
    )
