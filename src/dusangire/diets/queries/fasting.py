"""Reads of who fasts now, and who waits for a diet after a fast."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.diets.queries.patients import ORDER, holds
from dusangire.diets.queries.rows import DietOrderRow, HoldRow
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.kernel.errors import NotHere


class Faster(Struct, frozen=True):
    """One in-patient who may not eat: by a hold that runs, or, without one, because a hold that is over suspended
    the diet and nobody has signed since."""

    patient: UUID
    admitted_at: datetime
    hold: UUID | None
    end_at: datetime | None
    procedure_at: datetime | None
    extended_at: datetime | None


async def fasters(actor: Actor, now: datetime) -> list[Faster]:
    """Return who may not eat at this moment, one row for each running hold. One statement."""
    return await fetch(
        Faster,
        """
        SELECT a.patient, a.started_at AS admitted_at, n.id AS hold, n.end_at, n.procedure_at, n.extended_at
        FROM admission a
        LEFT JOIN npo_hold n ON n.hospital = a.hospital AND n.patient = a.patient AND n.cancelled_at IS NULL
             AND n.start_at <= $2 AND (n.end_at IS NULL OR n.end_at > $2)
        WHERE a.hospital = $1 AND a.ended_at IS NULL AND (n.id IS NOT NULL OR (
            EXISTS (SELECT FROM diet_order o WHERE o.hospital = a.hospital AND o.admission = a.id
                       AND o.status = 'on_hold')
            AND NOT EXISTS (SELECT FROM diet_order o WHERE o.hospital = a.hospital AND o.admission = a.id
                       AND o.status = 'active' AND o.start_at <= $2)))
        ORDER BY a.patient, n.start_at, n.id
        """,
        actor.hospital,
        now,
    )


async def open_hold(actor: Actor, patient: UUID, hold: UUID) -> HoldRow:
    """Return one hold that runs or is to come. Raises NotHere."""
    now = clock.now()
    found = next((row for row in await holds(actor, patient) if row.id == hold and row.is_open(now)), None)
    if found is None:
        raise NotHere
    return found


class Waiting(Struct, frozen=True):
    """One patient whose fast is over and who waits for a prescriber; `link` is where to sign."""

    patient: UUID
    bed_code: str
    given_name: str
    family_name: str
    link: str
    since: datetime

    @property
    def short_name(self) -> str:
        return f"{self.given_name} {self.family_name[:1]}."


async def waiting_for_diet(actor: Actor) -> list[Waiting]:
    """Return who waits for a diet after a fast, on the actor's wards or everywhere, the longest first."""
    return await fetch(
        Waiting,
        """
        SELECT t.patient, coalesce(b.code, '–') AS bed_code, p.given_name, p.family_name, t.facts->>'link' AS link,
               t.opened_at AS since
        FROM task t
        JOIN patient p ON p.hospital = t.hospital AND p.id = t.patient
        LEFT JOIN stay s ON s.hospital = t.hospital AND s.patient = t.patient AND s.ended_at IS NULL
        LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE t.hospital = $1 AND t.kind = 'no_diet_order' AND t.done_at IS NULL AND t.facts->>'why' = 'npo_over'
          AND t.facts->>'link' IS NOT NULL AND ($2::uuid[] = '{}' OR b.ward = ANY($2))
        ORDER BY t.opened_at, t.id
        """,
        actor.hospital,
        list(actor.wards),
    )


async def suspended_orders(actor: Actor, patient: UUID) -> list[DietOrderRow]:
    """Return the orders of this stay that a fast suspended and nothing has replaced, the oldest first."""
    return await fetch(
        DietOrderRow,
        ORDER
        + """ AND o.patient = $2 AND o.status = 'on_hold' AND EXISTS (SELECT FROM admission a
                  WHERE a.hospital = o.hospital AND a.id = o.admission AND a.ended_at IS NULL)
              ORDER BY o.signed_at, o.id""",
        actor.hospital,
        patient,
    )


class LastFast(Struct, frozen=True):
    """A fast that is over: its last hold and when it ended."""

    hold: UUID
    ended_at: datetime


async def last_fast(actor: Actor, patient: UUID, since: datetime, now: datetime) -> LastFast | None:
    """Return the fast that ended last, if it ended after `since`; None while the patient fasts."""
    rows = await fetch(
        LastFast,
        """
        SELECT id AS hold, least(end_at, cancelled_at) AS ended_at FROM npo_hold
        WHERE hospital = $1 AND patient = $2 AND start_at <= $4 AND (cancelled_at IS NULL OR cancelled_at >= start_at)
          AND least(end_at, cancelled_at) > $3 AND least(end_at, cancelled_at) <= $4
          AND NOT EXISTS (SELECT FROM npo_hold n WHERE n.hospital = $1 AND n.patient = $2 AND n.start_at <= $4
              AND n.cancelled_at IS NULL AND (n.end_at IS NULL OR n.end_at > $4))
        ORDER BY 2 DESC, 1 LIMIT 1
        """,
        actor.hospital,
        patient,
        since,
        now,
    )
    return rows[0] if rows else None


class LongDiet(Struct, frozen=True):
    """One diet that a patient has had without a break, through whatever renewals: since when, by which first order."""

    patient: UUID
    code: str
    first_order: UUID
    since: datetime


async def unbroken(actor: Actor, codes: list[str], now: datetime) -> list[LongDiet]:
    """Return for how long each of these diets has lasted for every patient who has one now. One statement."""
    return await fetch(
        LongDiet,
        """
        WITH RECURSIVE chain AS (
            SELECT o.patient, c.code, o.id, o.replaces, o.start_at, 1 AS depth
            FROM diet_order o JOIN unnest($2::text[]) c(code) ON c.code = ANY(o.codes)
            WHERE o.hospital = $1 AND o.status = 'active' AND o.start_at <= $3 AND (o.end_at IS NULL OR o.end_at > $3)
            UNION ALL
            SELECT b.patient, chain.code, b.id, b.replaces, b.start_at, depth + 1
            FROM chain JOIN diet_order b ON b.hospital = $1 AND b.id = chain.replaces
            WHERE chain.code = ANY(b.codes) AND b.signed_at IS NOT NULL AND depth < 50
        )
        SELECT DISTINCT ON (patient, code) patient, code, id AS first_order, start_at AS since
        FROM chain ORDER BY patient, code, start_at
        """,
        actor.hospital,
        codes,
        now,
    )
