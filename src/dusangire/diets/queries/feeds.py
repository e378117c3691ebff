"""Reads of feeds by bottle and tube: a patient's orders, what was given, what forbids them, and the sums of a day."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from dusangire.diets.queries.manual import manual
from dusangire.diets.rules import Allergy, HoldFacts
from dusangire.diets.rules.allergy import Avoided, avoided
from dusangire.diets.rules.facts import FeedFacts
from dusangire.diets.rules.feeds import (
    Slot,
    Totals,
    a_day,
    clashes,
    cycle,
    is_running,
    is_stopped,
    slots,
    totals,
    waits_for_resumption,
)
from dusangire.diets.rules.holds import Fast, fasts
from dusangire.diets.rules.prescribing import hold_fact
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch

_ZERO = Decimal(0)


class Given(Struct, frozen=True):
    """What a nurse wrote down of one feed."""

    id: UUID
    feed_order: UUID
    what: str
    amount: Decimal
    at: datetime
    note: str
    recorded_by_name: str
    recorded_at: datetime


class FeedRow(Struct, frozen=True):
    """One signed feed, with its product's names and who signed and stopped it."""

    id: UUID
    patient: UUID
    admission: UUID
    product_code: str
    name_en: str
    name_fr: str
    name_rw: str
    unit: str
    allergens: frozenset[str]
    unit_ml: Decimal
    unit_kcal: Decimal
    unit_protein_g: Decimal
    dish_code: str
    route: str
    pace: str
    total_ml: Decimal | None
    hours: int | None
    rate_ml_h: Decimal | None
    amount: Decimal | None
    times: tuple[time, ...]
    continues_in_npo: bool
    reason: str
    start_at: datetime
    end_at: datetime | None
    signed_by_name: str
    signed_at: datetime
    confirmed_at: datetime
    suspended_at: datetime | None
    stopped_by_name: str | None
    stopped_at: datetime | None
    stop_reason: str
    is_of_this_stay: bool

    def name(self, lang: str) -> str:
        return {"fr": self.name_fr, "rw": self.name_rw}.get(lang, self.name_en)

    @property
    def measure(self) -> str:
        return "ml" if self.route == "tube" else "unit"

    def facts(self, given: dict[date, Decimal] | None = None) -> FeedFacts:
        ends = [at for at in (self.end_at, self.stopped_at) if at is not None]
        return FeedFacts(
            self.start_at,
            min(ends, default=None),
            self.confirmed_at,
            self.route == "tube",
            self.unit_ml,
            self.unit_kcal,
            self.unit_protein_g,
            self.hours,
            self.total_ml,
            self.rate_ml_h,
            self.amount,
            self.times,
            self.continues_in_npo,
            self.dish_code,
            given or {},
            self.suspended_at,
        )


class FeedDay(Struct, frozen=True):
    """One feed on one day: what the order says, what is due, suspended and given, hour by hour.

    `clashes` are the allergies to what it holds, `unclear` the words of an allergy that nobody has coded yet.
    """

    row: FeedRow
    schedule: tuple[Slot, ...]
    today: tuple[Slot, ...]
    ordered: Totals
    planned: Totals
    given: Totals
    given_amount: Decimal
    records: tuple[Given, ...]
    is_over: bool
    is_suspended: bool
    waits: bool
    clashes: tuple[str, ...] = ()
    unclear: str = ""

    @property
    def is_against_allergy(self) -> bool:
        """Whether what is known of allergies forbids it now: nobody can resume it."""
        return bool(self.clashes or self.unclear)

    @property
    def is_stopped_by_allergy(self) -> bool:
        """Whether it waits for an allergy's sake: for one that stands, or one that stood."""
        return self.is_against_allergy or (not self.is_over and is_stopped(self.row.facts()))

    @property
    def ordered_amount(self) -> Decimal:
        return sum((slot.amount for slot in self.schedule), _ZERO)


class Feeds(Struct, frozen=True):
    """All feeds of one patient on one day, with the sums of those that run."""

    day: date
    running: tuple[FeedDay, ...] = ()
    past: tuple[FeedDay, ...] = ()

    @property
    def stopped_by_allergy(self) -> tuple[FeedDay, ...]:
        """The feeds that an allergy suspended and that nobody has resumed or stopped."""
        return tuple(one for one in self.running if one.is_stopped_by_allergy)

    @property
    def planned(self) -> Totals:
        return sum((one.planned for one in self.running + self.past), Totals())

    @property
    def given(self) -> Totals:
        return sum((one.given for one in self.running + self.past), Totals())


async def feed_rows(actor: Actor, patients: Iterable[UUID]) -> list[FeedRow]:
    """Return the feeds of some patients, the latest first: those that run, and all of the past."""
    return await fetch(
        FeedRow,
        """
        SELECT f.id, f.patient, f.admission, p.code AS product_code, p.name_en, p.name_fr, p.name_rw, p.unit,
               p.allergens, f.unit_ml, f.unit_kcal, f.unit_protein_g, f.dish_code, f.route, f.pace, f.total_ml, f.hours,
               f.rate_ml_h, f.amount, f.times, f.continues_in_npo, f.reason, f.start_at, f.end_at,
               coalesce(s.name, '') AS signed_by_name, f.signed_at, f.confirmed_at, f.suspended_at,
               e.name AS stopped_by_name, f.stopped_at, f.stop_reason,
               EXISTS (SELECT FROM admission a WHERE a.hospital = f.hospital AND a.id = f.admission
                       AND a.ended_at IS NULL) AS is_of_this_stay
        FROM feed_order f
        JOIN feed_product p ON p.hospital = f.hospital AND p.id = f.product
        LEFT JOIN app_user s ON s.id = f.signed_by LEFT JOIN app_user e ON e.id = f.stopped_by
        WHERE f.hospital = $1 AND f.patient = ANY($2) ORDER BY f.signed_at DESC, f.id DESC
        """,
        actor.hospital,
        list(patients),
    )


async def given_rows(actor: Actor, feeds: Iterable[UUID]) -> list[Given]:
    """Return what was written down of some feeds, the latest first."""
    return await fetch(
        Given,
        """
        SELECT g.id, g.feed_order, g.what, g.amount, g.at, g.note, coalesce(u.name, '') AS recorded_by_name,
               g.recorded_at
        FROM feed_given g LEFT JOIN app_user u ON u.id = g.recorded_by
        WHERE g.hospital = $1 AND g.feed_order = ANY($2) ORDER BY g.at DESC, g.recorded_at DESC, g.id DESC
        """,
        actor.hospital,
        list(feeds),
    )


class _Hold(Struct, frozen=True):
    patient: UUID
    start_at: datetime
    end_at: datetime | None
    set_at: datetime
    cancelled_at: datetime | None


async def feeds(actor: Actor, patients: Iterable[UUID], day: date | None = None) -> dict[UUID, Feeds]:
    """Return the feeds of some patients on one day (today), by patient. Four statements, however many patients."""
    ids = list(dict.fromkeys(patients))
    now = clock.now()
    when = day or clock.local_day(now, actor.zone)
    rows = await feed_rows(actor, ids) if ids else []
    if not rows:
        return {patient: Feeds(when) for patient in ids}
    records = defaultdict(list)
    for one in await given_rows(actor, [row.id for row in rows]):
        records[one.feed_order].append(one)
    held = await _holds(actor, [row.patient for row in rows], now)
    against = await _against(actor, [row.patient for row in rows])
    shown: dict[UUID, list[FeedDay]] = defaultdict(list)
    for row in rows:
        found = _day(row, records[row.id], held[row.patient], actor, when, now)
        shown[row.patient].append(found if found.is_over else _with_clashes(found, against[row.patient]))
    return {patient: _split(shown[patient], when) for patient in ids}


def _split(found: list[FeedDay], day: date) -> Feeds:
    return Feeds(day, tuple(one for one in found if not one.is_over), tuple(one for one in found if one.is_over))


def _day(  # noqa: PLR0917 - six facts, read apart
    row: FeedRow, records: list[Given], held: tuple[Fast, ...], actor: Actor, day: date, now: datetime
) -> FeedDay:
    sums: dict[date, Decimal] = defaultdict(Decimal)
    for one in records:
        sums[clock.local_day(one.at, actor.zone)] += one.amount
    facts = row.facts(sums)
    zone = ZoneInfo(actor.zone)
    due = slots(facts, day, zone, held)
    going = sum((slot.amount for slot in due if not slot.is_suspended), _ZERO)
    moment = [slot for slot in due if slot.start <= now < slot.end]
    waits = waits_for_resumption(facts, now, held)
    return FeedDay(
        row=row,
        schedule=cycle(facts, zone),
        today=due,
        ordered=totals(facts, a_day(facts)),
        planned=totals(facts, going),
        given=totals(facts, sums[day]),
        given_amount=sums[day],
        records=tuple(records),
        is_over=not row.is_of_this_stay or (facts.end is not None and facts.end <= now),
        is_suspended=is_running(facts, now) and (waits or any(slot.is_suspended for slot in moment)),
        waits=waits,
    )


class _Against(Struct, frozen=True):
    patient: UUID
    uncoded: str
    allergies: tuple[Allergy, ...]


async def _against(actor: Actor, patients: list[UUID]) -> dict[UUID, tuple[str, tuple[Avoided, ...]]]:
    rows = await fetch(
        _Against,
        """
        SELECT s.patient, coalesce(s.uncoded_text, '') AS uncoded,
               (SELECT coalesce(jsonb_agg(jsonb_build_object('code', a.code, 'severity', a.severity)
                       ORDER BY a.recorded_at, a.id), '[]') FROM allergy a
                 WHERE a.hospital = s.hospital AND a.patient = s.patient AND a.ended_at IS NULL) AS allergies
        FROM patient_safety s WHERE s.hospital = $1 AND s.patient = ANY($2)
        """,
        actor.hospital,
        patients,
    )
    book = await manual(actor)
    return {row.patient: (row.uncoded, avoided(row.allergies, book.groups, book.ingredients)[0]) for row in rows}


def _with_clashes(found: FeedDay, against: tuple[str, tuple[Avoided, ...]]) -> FeedDay:
    """The same with what is known of allergies now: a feed that one of them forbids does not run, marked or not."""
    unclear, avoids = against
    hits = clashes(found.row.allergens, avoids)
    return replace(found, clashes=hits, unclear=unclear, is_suspended=found.is_suspended or bool(hits or unclear))


async def _holds(actor: Actor, patients: list[UUID], now: datetime) -> dict[UUID, tuple[Fast, ...]]:
    rows = await fetch(
        _Hold,
        """
        SELECT patient, start_at, end_at, set_at, cancelled_at FROM npo_hold
        WHERE hospital = $1 AND patient = ANY($2)
        """,
        actor.hospital,
        patients,
    )
    facts: dict[UUID, list[HoldFacts]] = defaultdict(list)
    for row in rows:
        facts[row.patient].append(hold_fact(row.start_at, row.end_at, row.set_at, row.cancelled_at))
    found: dict[UUID, tuple[Fast, ...]] = defaultdict(tuple)
    found.update({patient: fasts(some, now)[0] for patient, some in facts.items()})
    return found
