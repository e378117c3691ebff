"""Reads of trays with where they go: kitchen boards, delivery runs, tray codes."""

from datetime import date
from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.orders.queries.orders import COLUMNS, LINES, Order, own
from dusangire.orders.rules import Status


class Ticket(Order, frozen=True, kw_only=True):
    """A tray with its person and bed. The bed is read live: it is where the patient lies now, None when nowhere.

    `is_isolation`: for the ward or for the patient alone. `label_rev` counts its labels, one
    more with each substitution.
    """

    mrn: str
    given_name: str
    family_name: str
    birth_date: date
    sex: str
    is_admitted: bool
    bed: UUID | None
    bed_code: str | None
    room: str | None
    ward: UUID | None
    ward_code: str | None
    ward_name_en: str | None
    ward_name_fr: str | None
    ward_name_rw: str | None
    walk_order: int | None
    is_isolation: bool
    is_emergency: bool
    replaces_code: str | None
    cash_minor: int
    label_rev: int = 1

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def short_name(self) -> str:
        """The given name and one letter: what a shelf or a carrier's list shows."""
        return f"{self.given_name} {self.family_name[:1]}."

    def ward_name(self, language: str) -> str:
        """Return the ward's name in the language; '' for nobody's bed."""
        return {"fr": self.ward_name_fr, "rw": self.ward_name_rw}.get(language, self.ward_name_en) or ""

    @property
    def label_code(self) -> str:
        """The code that stands on the label that holds now."""
        return self.code if self.label_rev == 1 else f"{self.code}.{self.label_rev}"

    @property
    def cash_due(self) -> Money:
        """What the carrier collects at the bed."""
        return Money(self.cash_minor)


_TICKET = f"""
    SELECT {COLUMNS}, {LINES}, p.mrn, p.given_name, p.family_name, p.birth_date, p.sex, d.id IS NOT NULL AS is_admitted,
           b.id AS bed, b.code AS bed_code, b.room, w.id AS ward, w.code AS ward_code, w.name_en AS ward_name_en,
           w.name_fr AS ward_name_fr, w.name_rw AS ward_name_rw, w.walk_order,
           coalesce(w.is_isolation, false) OR EXISTS (SELECT FROM care_flag f WHERE f.hospital = o.hospital
               AND f.patient = o.patient AND f.kind = 'isolation' AND f.ended_at IS NULL) AS is_isolation,
           coalesce(w.is_emergency, false) AS is_emergency,
           g.code AS replaces_code,
           (SELECT coalesce(sum(y.amount_minor), 0)::int FROM payment y WHERE y.hospital = o.hospital
                AND y.meal_order = o.id AND y.method = 'cash' AND y.state = 'pending') AS cash_minor,
           1 + (SELECT count(*)::int FROM order_line c WHERE c.hospital = o.hospital AND c.meal_order = o.id
                AND c.replaced_at IS NOT NULL) AS label_rev
    FROM meal_order o
    JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
    LEFT JOIN admission d ON d.hospital = o.hospital AND d.id = o.admission AND d.ended_at IS NULL
    LEFT JOIN LATERAL (SELECT s.bed FROM stay s
        WHERE s.hospital = o.hospital AND s.patient = o.patient AND s.ended_at IS NULL LIMIT 1) l ON true
    LEFT JOIN bed b ON b.hospital = o.hospital AND b.id = l.bed
    LEFT JOIN ward w ON w.hospital = b.hospital AND w.id = b.ward
    LEFT JOIN meal_order g ON g.hospital = o.hospital AND g.id = o.replaces
"""  # noqa: S608  columns of ours


async def tickets(
    actor: Actor,
    statuses: frozenset[Status] | set[Status],
    day: date | None = None,
    period: str | None = None,
    *,
    since: date | None = None,
) -> list[Ticket]:
    """Return the trays in these states with their beds, the meal served first and the order placed first on top.

    `day` and `period` narrow, `since` leaves out what was for an earlier day; None means any. One statement, however
    many trays.
    """
    return await fetch(
        Ticket,
        f"""
        {_TICKET} WHERE o.hospital = $1 AND o.status = ANY($2::text[]) AND ($3::date IS NULL OR o.day = $3)
          AND ($4::text IS NULL OR o.period = $4) AND ($5::uuid IS NULL OR o.patient = $5)
          AND ($6::date IS NULL OR o.day >= $6)
        ORDER BY o.serve_from, o.placed_at, o.id
        """,
        actor.hospital,
        [str(status) for status in statuses],
        day,
        period,
        own(actor),
        since,
    )


async def ticket(actor: Actor, order_id: UUID) -> Ticket:
    """Return one tray with its bed. Raises NotHere."""
    found = await fetch_one(
        Ticket,
        _TICKET + " WHERE o.hospital = $1 AND o.id = $2 AND ($3::uuid IS NULL OR o.patient = $3)",
        actor.hospital,
        order_id,
        own(actor),
    )
    if found is None:
        raise NotHere
    return found


async def by_tray_token(actor: Actor, token: str) -> Ticket:
    """Return the tray whose label carries this code. Raises NotHere."""
    found = await fetch_one(
        Ticket,
        _TICKET + " WHERE o.hospital = $1 AND o.tray_token = $2 AND ($3::uuid IS NULL OR o.patient = $3)",
        actor.hospital,
        token,
        own(actor),
    )
    if found is None:
        raise NotHere
    return found


async def carrier_of(actor: Actor, order_id: UUID) -> str | None:
    """Return the first name of who carries the tray, as the last move out of the kitchen recorded it."""
    name = await fetch_value(
        """
        SELECT actor_name FROM event
        WHERE hospital = $1 AND about = $2 AND kind IN ('order:out_for_delivery', 'order:arrived', 'order:delivered')
        ORDER BY id DESC LIMIT 1
        """,
        actor.hospital,
        f"order:{order_id}",
    )
    return str(name).split()[0] if name else None
