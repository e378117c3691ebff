"""What the help desk looks at: one order somebody asks about, and what is in trouble now."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.kernel.phrase import Phrase
from dusangire.orders.rules import for_staff, note_phrase
from dusangire.support.rules import IN_TROUBLE, PATIENT_REPORT

MOST = 50


class Found(Struct, frozen=True):
    """One order as somebody on the telephone describes it."""

    id: UUID
    code: str
    bed: str | None
    patient: str
    mrn: str
    day: date
    period: str
    status: str
    status_at: datetime
    hold_reason: str
    problem: str

    @property
    def why(self) -> Phrase | None:
        """Why the tray is stopped, None where it is not."""
        told = note_phrase(self.hold_reason if self.status == "held" else self.problem)
        return None if told is None else for_staff(told)


_FOUND = """
    SELECT o.id, o.code, bed.code AS bed, p.given_name || ' ' || left(p.family_name, 1) || '.' AS patient, p.mrn,
           o.day, o.period, o.status, o.status_at, o.hold_reason, o.problem
    FROM meal_order o JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
    LEFT JOIN LATERAL (SELECT b.code FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE s.hospital = o.hospital AND s.admission = o.admission ORDER BY s.started_at DESC LIMIT 1) bed ON true
"""


async def find_orders(actor: Actor, said: str) -> list[Found]:
    """Return the latest orders with this code, or of the patient with this bed, record number or a name like it.

    Shape: at most 50. Edge: no words find nothing. Cost: one statement.
    """
    if not said:
        return []
    return await fetch(
        Found,
        f"""
        WITH who AS (
            SELECT id FROM patient WHERE hospital = $1
              AND (mrn = upper($2) OR (given_name || ' ' || family_name) ILIKE '%' || $3 || '%')
            UNION SELECT s.patient FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
            WHERE s.hospital = $1 AND b.code = upper($2) AND b.removed_at IS NULL AND s.ended_at IS NULL
            LIMIT 200)
        {_FOUND}
        WHERE o.hospital = $1 AND o.id IN (
            SELECT id FROM meal_order WHERE hospital = $1 AND code = upper($2)
            UNION SELECT latest.id FROM who CROSS JOIN LATERAL (
                SELECT id FROM meal_order WHERE hospital = $1 AND patient = who.id ORDER BY day DESC LIMIT $4) latest)
        ORDER BY o.day DESC, o.id DESC LIMIT $4
        """,  # noqa: S608  columns of ours
        actor.hospital,
        said,
        said.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_"),
        MOST,
    )


async def in_trouble(actor: Actor, since: date) -> list[Found]:
    """Return the trays that are held, have a problem or could not be handed over, since a day, the oldest first."""
    return await fetch(
        Found,
        f"""
        {_FOUND} WHERE o.hospital = $1 AND o.day >= $2 AND o.status = ANY($3::text[])
        ORDER BY o.status_at, o.id LIMIT 200
        """,
        actor.hospital,
        since,
        list(IN_TROUBLE),
    )


class Report(Struct, frozen=True):
    """What a patient says went wrong."""

    id: UUID
    about: str
    facts: dict[str, Any]
    opened_at: datetime
    patient: str | None
    code: str | None
    bed: str | None

    @property
    def order(self) -> str | None:
        kind, _, id_ = self.about.partition(":")
        return id_ if kind == "order" else None

    @property
    def words(self) -> str:
        """Return what the patient wrote, '' where they only pressed the button."""
        return str(
            next((self.facts[name] for name in ("words", "said", "note", "problem") if self.facts.get(name)), "")
        )


async def reports(actor: Actor) -> list[Report]:
    """Return the open reports of patients, the oldest first. One statement."""
    return await fetch(
        Report,
        """
        SELECT t.id, t.about, t.facts, t.opened_at, p.given_name || ' ' || left(p.family_name, 1) || '.' AS patient,
               o.code, b.code AS bed
        FROM task t
        LEFT JOIN patient p ON p.hospital = t.hospital AND p.id = t.patient
        LEFT JOIN meal_order o ON o.hospital = t.hospital AND t.about = 'order:' || o.id AND o.patient = t.patient
        LEFT JOIN stay s ON s.hospital = t.hospital AND s.patient = t.patient AND s.ended_at IS NULL
        LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE t.hospital = $1 AND t.kind = $2 AND t.done_at IS NULL ORDER BY t.opened_at, t.id LIMIT 200
        """,
        actor.hospital,
        PATIENT_REPORT,
    )
