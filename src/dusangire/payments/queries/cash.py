"""Reads of the cash in people's hands: their shifts, what moved them, and what waits to be taken."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.clock import day_bounds
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules.cash import Held, ShiftState

PAGE = 100


class Shift(Struct, frozen=True):
    """The cash of one person, from the first franc to the hand-over."""

    id: UUID
    collector: UUID
    collector_name: str
    state: ShiftState
    opened_at: datetime
    opening_minor: int
    expected_minor: int | None
    counted_minor: int | None
    pieces: dict[str, int] | None
    reason: str
    limit_minor: int | None
    counted_at: datetime | None
    received_by: UUID | None
    received_name: str | None
    received_at: datetime | None
    second_name: str | None
    closed_at: datetime | None

    @property
    def opening(self) -> Money:
        return Money(self.opening_minor)

    @property
    def held(self) -> Held:
        """What the rules of receiving want to know; of a shift that was counted."""
        return Held(
            self.state,
            self.collector,
            Money(self.expected_minor or 0),
            Money(self.counted_minor or 0),
            Money(self.limit_minor or 0),
            self.received_by,
        )


class Taking(Struct, frozen=True):
    """One movement of a collector's cash: what it is about, and how much came in (or, negative, went out)."""

    entry: UUID
    kind: str
    about: str
    code: str | None
    amount_minor: int
    posted_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


class Due(Struct, frozen=True):
    """Cash that waits to be taken. name: of the patient, '' where the payment is for nobody in a bed."""

    payment: UUID
    purpose: str
    subject: UUID
    label: str
    name: str
    bed: str | None
    method: str
    amount_minor: int
    created_at: datetime

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor)


_SHIFTS = """
    SELECT s.id, s.collector, u.name AS collector_name, s.state, s.opened_at, s.opening_minor, s.expected_minor,
           s.counted_minor, s.pieces, s.reason, s.limit_minor, s.counted_at, s.received_by, r.name AS received_name,
           s.received_at, w.name AS second_name, s.closed_at
    FROM cash_shift s
    JOIN app_user u ON u.id = s.collector
    LEFT JOIN app_user r ON r.id = s.received_by
    LEFT JOIN app_user w ON w.id = s.second_by
"""


async def shift(actor: Actor, shift_id: UUID) -> Shift:
    """Return one shift. Raises NotHere."""
    found = await fetch_one(Shift, f"{_SHIFTS} WHERE s.hospital = $1 AND s.id = $2", actor.hospital, shift_id)
    if found is None:
        raise NotHere
    return found


async def open_shift(actor: Actor, collector: UUID) -> Shift | None:
    """Return the shift in which this person takes cash now; None where they hold none."""
    return await fetch_one(
        Shift,
        f"{_SHIFTS} WHERE s.hospital = $1 AND s.collector = $2 AND s.state = 'open'",
        actor.hospital,
        collector,
    )


async def uncollected(actor: Actor, collector: UUID) -> list[Shift]:
    """Return the shifts this person has counted and nobody has received, the oldest first."""
    return await fetch(
        Shift,
        f"""{_SHIFTS} WHERE s.hospital = $1 AND s.collector = $2 AND s.state IN ('counted', 'checked')
        ORDER BY s.opened_at""",
        actor.hospital,
        collector,
    )


async def shifts(
    actor: Actor, day: date | None, state: str = "", collector: UUID | None = None, most: int = PAGE
) -> list[Shift]:
    """Return the shifts opened on a day (None: those not closed, of any day), the latest first."""
    first, last = day_bounds(day, actor.zone) if day else (None, None)
    return await fetch(
        Shift,
        f"""
        {_SHIFTS} WHERE s.hospital = $1 AND ($4 = '' OR s.state = $4) AND ($5::uuid IS NULL OR s.collector = $5)
          AND CASE WHEN $2::timestamptz IS NULL THEN s.state <> 'closed'
                   ELSE s.opened_at >= $2 AND s.opened_at < $3 END
        ORDER BY s.opened_at DESC LIMIT $6
        """,
        actor.hospital,
        first,
        last,
        state,
        collector,
        most,
    )


async def expected(actor: Actor, collector: UUID) -> Money:
    """Return what this person should hold in the open shift: their float, less what is counted already."""
    return Money(
        await fetch_value(
            """
            SELECT (SELECT coalesce(sum(amount_minor), 0)::bigint FROM posting
                    WHERE hospital = $1 AND account = 'cash_float' AND party = $2)
                 - (SELECT coalesce(sum(expected_minor), 0)::bigint FROM cash_shift
                    WHERE hospital = $1 AND collector = $2 AND state IN ('counted', 'checked'))
            """,
            actor.hospital,
            collector,
        )
    )


async def takings(actor: Actor, of: Shift) -> list[Taking]:
    """Return what moved the cash of a shift, in order, which sums to what is expected; hand-overs are left aside."""
    return await fetch(
        Taking,
        """
        SELECT e.id AS entry, e.kind, e.about, o.code, sum(p.amount_minor)::int AS amount_minor, e.posted_at
        FROM posting p JOIN entry e ON e.hospital = p.hospital AND e.id = p.entry
        LEFT JOIN payment y ON y.hospital = e.hospital AND e.about = 'payment:' || y.id
        LEFT JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
        WHERE p.hospital = $1 AND p.account = 'cash_float' AND p.party = $2 AND e.posted_at >= $3
          AND ($4::timestamptz IS NULL OR e.posted_at < $4) AND e.key NOT LIKE 'handed:%'
        GROUP BY e.id, o.code ORDER BY e.posted_at, e.id LIMIT 2000
        """,
        actor.hospital,
        of.collector,
        of.opened_at,
        of.counted_at,
    )


async def cash_due(actor: Actor, said: str = "", most: int = PAGE) -> list[Due]:
    """Return the payments that wait for cash or a bank transfer, the oldest first; with words, those that fit them.

    The words are a tray's code, a bank reference, a bed, or a part of the name of the patient or of who pays.
    """
    return await fetch(
        Due,
        """
        SELECT y.id AS payment, y.purpose, y.subject, coalesce(o.code, d.code, y.code, '') AS label,
               coalesce(p.given_name || ' ' || p.family_name, w.name, '') AS name, bed.code AS bed, y.method,
               y.amount_minor, y.created_at
        FROM payment y
        LEFT JOIN meal_order o ON o.hospital = y.hospital AND o.id = y.meal_order
        LEFT JOIN staff_tray d ON d.hospital = y.hospital AND d.id = y.subject
        LEFT JOIN app_user w ON w.id = y.payer_user
        LEFT JOIN admission a ON a.hospital = y.hospital AND a.id = coalesce(o.admission, y.subject)
        LEFT JOIN patient p ON p.hospital = a.hospital AND p.id = a.patient
        LEFT JOIN LATERAL (SELECT b.code FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
            WHERE s.hospital = a.hospital AND s.admission = a.id ORDER BY s.started_at DESC LIMIT 1) bed ON true
        WHERE y.hospital = $1 AND y.state = 'pending' AND y.method IN ('cash', 'bank')
          AND ($2 = '' OR $2 ILIKE ANY (ARRAY[o.code, d.code, y.code, bed.code])
               OR coalesce(p.given_name || ' ' || p.family_name, w.name) ILIKE '%' || $2 || '%')
        ORDER BY y.created_at LIMIT $3
        """,
        actor.hospital,
        said,
        most,
    )


async def variance_limit(actor: Actor) -> Money:
    """Return above which difference two people receive a shift."""
    said = await fetch_value("SELECT variance_limit_minor FROM finance_setting WHERE hospital = $1", actor.hospital)
    return Money(1000 if said is None else said)
