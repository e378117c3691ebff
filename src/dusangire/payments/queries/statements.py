"""Reads of a stay's bill: its trays, how each is paid, and what was paid towards the stay's account."""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.kernel.money import Money
from dusangire.payments.rules import Method, Payer, Purpose, State
from dusangire.payments.rules.statements import Charge, Part, Totals, by_payer, totals


class Stay(Struct, frozen=True):
    """One admission as finance needs it."""

    admission: UUID
    patient: UUID
    mrn: str
    name: str
    bed: str | None
    payer_class: str
    started_at: datetime
    ended_at: datetime | None
    ceiling_minor: int

    @property
    def ceiling(self) -> Money:
        return Money(self.ceiling_minor)


class _Paid(Struct, frozen=True):
    id: UUID
    purpose: Purpose
    payer: Payer
    method: Method
    state: State
    amount_minor: int
    refunded_minor: int
    settled_at: datetime | None
    created_at: datetime
    by_name: str | None

    @property
    def part(self) -> Part:
        return Part(self.payer, self.method, self.state, Money(self.amount_minor), Money(self.refunded_minor))

    @property
    def charge(self) -> Charge:
        """What is on the account for this alone, as for a plan: nothing of it is due elsewhere."""
        return Charge(self.part.kept, (self.part,))


class _Tray(Struct, frozen=True):
    id: UUID
    code: str
    day: date
    period: str
    status: str
    charged_minor: int
    paid: tuple[_Paid, ...]

    @property
    def charge(self) -> Charge:
        return Charge(Money(self.charged_minor), tuple(one.part for one in self.paid))


class Statement(Struct, frozen=True):
    """The bill of one stay: its trays with their payments, the plans on its account, what was paid towards that
    account, and the sums."""

    stay: Stay
    trays: tuple[_Tray, ...]
    plans: tuple[_Paid, ...]
    towards: tuple[_Paid, ...]

    @property
    def totals(self) -> Totals:
        return totals(self._charges, [one.part for one in self.towards], self.stay.ceiling)

    @property
    def payers(self) -> dict[tuple[Payer, Method], Money]:
        return by_payer(self._charges, [one.part for one in self.towards])

    @property
    def _charges(self) -> list[Charge]:
        return [tray.charge for tray in self.trays] + [plan.charge for plan in self.plans]


_STAYS = """
    SELECT a.id AS admission, a.patient, p.mrn, p.given_name || ' ' || p.family_name AS name, bed.code AS bed,
           a.payer_class, a.started_at, a.ended_at, a.account_ceiling_minor AS ceiling_minor
    FROM admission a JOIN patient p ON p.hospital = a.hospital AND p.id = a.patient
    LEFT JOIN LATERAL (SELECT b.code FROM stay s JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE s.hospital = a.hospital AND s.admission = a.id ORDER BY s.started_at DESC LIMIT 1) bed ON true
    WHERE a.hospital = $1
"""
_PAID = """
    coalesce(jsonb_agg(jsonb_build_object('id', y.id, 'purpose', y.purpose, 'payer', y.payer, 'method', y.method,
        'state', y.state,
        'amount_minor', y.amount_minor, 'refunded_minor', y.refunded_minor, 'settled_at', y.settled_at,
        'created_at', y.created_at, 'by_name', w.name) ORDER BY y.created_at, y.id) FILTER (WHERE y.id IS NOT NULL),
        '[]'::jsonb)
"""


async def stay(actor: Actor, admission: UUID) -> Stay:
    """Return one admission. Raises NotHere."""
    found = await fetch_one(Stay, f"{_STAYS} AND a.id = $2", actor.hospital, admission)
    if found is None:
        raise NotHere
    return found


async def stays_of(actor: Actor, patient: UUID) -> list[Stay]:
    """Return every admission of a patient, the latest first."""
    return await fetch(Stay, f"{_STAYS} AND a.patient = $2 ORDER BY a.started_at DESC", actor.hospital, patient)


async def find_stays(actor: Actor, said: str, *, most: int = 50) -> list[Stay]:
    """Return the stays whose patient, number or bed fits the words; without words, those in the house now."""
    return await fetch(
        Stay,
        f"""
        SELECT * FROM ({_STAYS}) found
        WHERE CASE WHEN $2 = '' THEN ended_at IS NULL
                   ELSE name ILIKE '%' || $2 || '%' OR mrn ILIKE $2 OR bed ILIKE $2 END
        ORDER BY ended_at IS NOT NULL, bed, started_at DESC LIMIT $3
        """,  # noqa: S608  a constant
        actor.hospital,
        said,
        most,
    )


async def statement(actor: Actor, admission: UUID) -> Statement:
    """Return the bill of a stay. Four statements. Raises NotHere."""
    of = await stay(actor, admission)
    trays = await fetch(
        _Tray,
        f"""
        SELECT o.id, o.code, o.day, o.period, o.status, {_PAID} AS paid,
               CASE WHEN o.status IN ('cancelled', 'refused', 'expired') THEN 0 ELSE o.total_minor END AS charged_minor
        FROM meal_order o
        LEFT JOIN payment y ON y.hospital = o.hospital AND y.meal_order = o.id
        LEFT JOIN app_user w ON w.id = y.settled_by
        WHERE o.hospital = $1 AND o.patient = $2 AND o.admission = $3
        GROUP BY o.id ORDER BY o.serve_from, o.id
        """,  # noqa: S608  a constant
        actor.hospital,
        of.patient,
        admission,
    )
    towards = await _beside(actor, "y.purpose = 'account' AND y.subject = $2", admission)
    plans = await _beside(actor, "y.method = 'hospital_account' AND y.source = $2 AND y.purpose <> 'order'", admission)
    return Statement(of, tuple(trays), plans, towards)


async def _beside(actor: Actor, which: str, admission: UUID) -> tuple[_Paid, ...]:
    found = await fetch_one(
        _Beside,
        f"""
        SELECT {_PAID} AS paid FROM payment y LEFT JOIN app_user w ON w.id = y.settled_by
        WHERE y.hospital = $1 AND {which}
        """,  # noqa: S608  constants
        actor.hospital,
        admission,
    )
    return found.paid if found else ()


class _Beside(Struct, frozen=True):
    paid: tuple[_Paid, ...]


async def is_settled(actor: Actor, admission: UUID) -> bool:
    """Say whether nobody has to pay anything more for this stay. Raises NotHere."""
    return (await statement(actor, admission)).totals.is_settled
