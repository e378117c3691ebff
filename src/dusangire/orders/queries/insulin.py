"""Reads of meals that insulin goes with: what came when, what was given, who waits for a tray."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets.rules import DishFacts
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere
from dusangire.menu import queries as menu
from dusangire.orders.queries.orders import LINES, OrderLine
from dusangire.orders.rules import Status
from dusangire.orders.rules.insulin import (
    LOOKED_AT,
    DoseState,
    Eaten,
    alarm,
    carbohydrate_g,
    is_here,
    is_in_time,
    is_stopped,
    missed_since,
    percent,
)


class InsulinTray(Struct, frozen=True):
    """A tray of somebody who injects insulin with it; `carb_g` is what was on it when it came."""

    id: UUID
    code: str
    patient: UUID
    given_name: str
    family_name: str
    bed_code: str | None
    ward: UUID | None
    day: date
    period: str
    status: Status
    serve_from: datetime
    serve_to: datetime
    status_at: datetime
    lines: tuple[OrderLine, ...]
    carb_g: Decimal | None
    here_at: datetime | None
    given_at: datetime | None
    given_by: str | None
    late_told_at: datetime | None
    escalated_at: datetime | None
    seen_at: datetime | None
    eaten: Eaten | None
    is_flagged: bool
    is_replaced: bool

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def place(self) -> str:
        return self.bed_code or "–"

    @property
    def missed_since(self) -> datetime:
        """From when the tray is missed, as long as it is not here."""
        return missed_since(self.status, self.serve_from, self.serve_to, self.status_at, self.given_at)

    def carbohydrate_g(self, dishes: Mapping[str, DishFacts]) -> Decimal | None:
        """Return what came, or what will: exactly; None where it is not known."""
        if self.here_at is not None:
            return self.carb_g
        return carbohydrate_g((line.tray_line() for line in self.lines), dishes)

    def alarm(self, now: datetime) -> DoseState | None:
        """Return how loudly the tray's absence is told now; None where it is here or another one comes instead."""
        if self.here_at is not None or is_here(self.status) or (is_stopped(self.status) and self.is_replaced):
            return None
        return alarm(self.missed_since, now)

    def state(self, now: datetime) -> DoseState:
        """Return where the dose and the tray stand."""
        told = self.alarm(now)
        if told is not None:
            return told
        if self.given_at is not None:
            return DoseState.GIVEN
        return DoseState.DUE if self.here_at is not None or is_here(self.status) else DoseState.COMING


class Dose(Struct, frozen=True):
    """One dose on the report."""

    code: str
    bed_code: str | None
    here_at: datetime
    given_at: datetime
    carb_g: Decimal | None

    @property
    def minutes(self) -> int:
        """How long after the tray it was given; negative: before."""
        return round((self.given_at - self.here_at).total_seconds() / 60)

    @property
    def is_in_time(self) -> bool:
        return is_in_time(self.here_at, self.given_at)


class InsulinReport(Struct, frozen=True):
    """How doses and trays met: `trays` came for somebody on mealtime insulin, `doses` were recorded of them."""

    trays: int
    doses: list[Dose]
    late: int
    escalated: int

    @property
    def in_time(self) -> int:
        return sum(dose.is_in_time for dose in self.doses)

    @property
    def percent_in_time(self) -> int | None:
        """The share of doses given within a quarter of an hour of the tray; None without any."""
        return percent(self.in_time, len(self.doses))


_LOUDEST = list(DoseState)
_TRAY = f"""
    SELECT o.id, o.code, o.patient, p.given_name, p.family_name, b.code AS bed_code, b.ward, o.day, o.period, o.status,
           o.serve_from, o.serve_to, o.status_at, {LINES}, i.carb_g, i.here_at, i.given_at, u.name AS given_by,
           i.late_told_at, i.escalated_at, i.seen_at, t.eaten,
           EXISTS (SELECT FROM care_flag f WHERE f.hospital = o.hospital AND f.patient = o.patient
                   AND f.kind = 'mealtime_insulin' AND f.ended_at IS NULL) AS is_flagged,
           EXISTS (SELECT FROM meal_order x WHERE x.hospital = o.hospital AND x.patient = o.patient AND x.id <> o.id
                   AND x.day = o.day AND x.period = o.period AND x.status <> ALL(
                       ARRAY['cancelled', 'refused', 'expired', 'held', 'problem', 'undelivered'])) AS is_replaced
    FROM meal_order o
    JOIN patient p ON p.hospital = o.hospital AND p.id = o.patient
    LEFT JOIN stay s ON s.hospital = o.hospital AND s.patient = o.patient AND s.ended_at IS NULL
    LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
    LEFT JOIN insulin_meal i ON i.hospital = o.hospital AND i.meal_order = o.id
    LEFT JOIN app_user u ON u.id = i.given_by
    LEFT JOIN tray_intake t ON t.hospital = o.hospital AND t.meal_order = o.id
"""  # noqa: S608  columns of ours


async def insulin_trays(actor: Actor, now: datetime) -> list[InsulinTray]:
    """Return the trays of these hours that insulin goes with, the meal served first. One statement."""
    return await fetch(
        InsulinTray,
        f"""
        {_TRAY}
        JOIN admission d ON d.hospital = o.hospital AND d.id = o.admission AND d.ended_at IS NULL
        WHERE o.hospital = $1 AND o.serve_to > $2 AND o.serve_from < $3
          AND EXISTS (SELECT FROM care_flag f WHERE f.hospital = o.hospital AND f.patient = o.patient
                      AND f.kind = 'mealtime_insulin' AND f.ended_at IS NULL)
        ORDER BY o.serve_from, b.code, o.placed_at
        """,
        actor.hospital,
        now - LOOKED_AT,
        now + LOOKED_AT,
    )


class Waiting(Struct, frozen=True):
    """The tray of a patient on mealtime insulin that calls loudest now."""

    tray: UUID
    state: DoseState


async def doses_waiting(actor: Actor, now: datetime) -> dict[UUID, Waiting]:
    """Return who waits for a dose or for the tray it goes with, by patient; nobody whose tray is only on its way."""
    found: dict[UUID, Waiting] = {}
    for tray in await insulin_trays(actor, now):
        state = tray.state(now)
        before = found.get(tray.patient)
        is_loud = state not in (DoseState.COMING, DoseState.GIVEN)
        if is_loud and (before is None or _LOUDEST.index(state) < _LOUDEST.index(before.state)):
            found[tray.patient] = Waiting(tray.id, state)
    return found


async def insulin_tray(actor: Actor, order_id: UUID) -> InsulinTray:
    """Return one tray as far as insulin is concerned. Raises NotHere."""
    found = await fetch_one(InsulinTray, _TRAY + " WHERE o.hospital = $1 AND o.id = $2", actor.hospital, order_id)
    if found is None:
        raise NotHere
    return found


async def tray_carbohydrate_g(actor: Actor, tray: InsulinTray) -> Decimal | None:
    """Return what a tray holds of carbohydrate, from the recipes as they are now."""
    return carbohydrate_g((line.tray_line() for line in tray.lines), await menu.dishes(actor))


class _Counts(Struct, frozen=True):
    trays: int
    late: int
    escalated: int


async def insulin_report(actor: Actor, first: date, last: date) -> InsulinReport:
    """Return how doses and trays met from one day to another, the latest dose first. Two statements."""
    since, _ = clock.day_bounds(first, actor.zone)
    _, until = clock.day_bounds(last, actor.zone)
    counts = await fetch_one(
        _Counts,
        """
        SELECT count(i.here_at)::int AS trays, count(i.late_told_at)::int AS late,
               count(i.escalated_at)::int AS escalated
        FROM insulin_meal i JOIN meal_order o ON o.hospital = i.hospital AND o.id = i.meal_order
        WHERE i.hospital = $1 AND o.serve_from >= $2 AND o.serve_from < $3
        """,
        actor.hospital,
        since,
        until,
    )
    doses = await fetch(
        Dose,
        """
        SELECT o.code, b.code AS bed_code, i.here_at, i.given_at, i.carb_g
        FROM insulin_meal i
        JOIN meal_order o ON o.hospital = i.hospital AND o.id = i.meal_order
        LEFT JOIN stay s ON s.hospital = o.hospital AND s.patient = o.patient AND s.ended_at IS NULL
        LEFT JOIN bed b ON b.hospital = s.hospital AND b.id = s.bed
        WHERE i.hospital = $1 AND o.serve_from >= $2 AND o.serve_from < $3
          AND i.here_at IS NOT NULL AND i.given_at IS NOT NULL
        ORDER BY i.given_at DESC
        """,
        actor.hospital,
        since,
        until,
    )
    return InsulinReport(
        counts.trays if counts else 0, doses, counts.late if counts else 0, counts.escalated if counts else 0
    )
