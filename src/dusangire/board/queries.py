"""Reads of the ward board: beds, what their people may eat, and whether the coming meal is ordered."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

from msgspec import Struct

from dusangire.board.rules import STOPPED, Instead, State, StepNow, TrayNow, coming_meal, state_of, textures
from dusangire.diets import queries as diets
from dusangire.diets.queries import DietBrief, FeedDay, Feeds, meal_stop
from dusangire.diets.rules.fasting import FastingClock, Hint, fasting_clock, hints, is_child
from dusangire.diets.rules.flags import MEDICINES, Flag
from dusangire.diets.rules.stops import MealStop
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sittings
from dusangire.orders import queries as orders
from dusangire.orders.queries.insulin import Waiting, doses_waiting
from dusangire.orders.rules import GONE, OPEN
from dusangire.wards import queries as wards
from dusangire.wards.rules import Bedside, Person, Ward


class Spot(Struct, frozen=True):
    """One bed on the board. `diets` are the codes that no texture chip already says.

    `clock` is shown for who may not eat; `hints` say until when something may be taken before an operation; `flags`
    are the kinds of care flags, `tasks` those of open tasks; `step` is the next one of a protocol;
    `dose` is the tray that insulin waits for, `feeds` what an allergy has suspended, `instead` the open tray that
    replaces a stopped one.
    """

    side: Bedside
    state: State
    brief: DietBrief | None = None
    diets: tuple[str, ...] = ()
    food_level: int | None = None
    drink_level: int | None = None
    clock: FastingClock | None = None
    hints: tuple[Hint, ...] = ()
    flags: frozenset[str] = frozenset()
    tasks: tuple[str, ...] = ()
    step: StepNow | None = None
    is_step_due: bool = False
    dose: Waiting | None = None
    feeds: tuple[FeedDay, ...] = ()
    order: UUID | None = None
    order_status: str = ""
    instead: Instead | None = None

    @property
    def is_isolated(self) -> bool:
        return self.side.is_isolation or Flag.ISOLATION in self.flags

    @property
    def has_insulin(self) -> bool:
        return Flag.MEALTIME_INSULIN in self.flags

    @property
    def medicines(self) -> list[str]:
        """The medicines that meet food, in the order of their list."""
        return [flag.value for flag in Flag if flag in MEDICINES and flag in self.flags]


class WardBoard(Struct, frozen=True):
    """One ward as of now; `meal` is None before the hospital has meal periods."""

    ward: Ward
    spots: list[Spot]
    meal: Sitting | None
    drawn_at: datetime
    stop: MealStop | None = None


async def ward_board(actor: Actor, code: str) -> WardBoard:
    """Return one ward's board. Six statements, however many beds, more for insulin and for feeds. Raises NotHere."""
    ward = await wards.ward_of_code(actor, code)
    now = clock.now()
    meal = await _meal(actor, now)
    spots = await _spots(actor, await wards.bedsides(actor, ward.id), meal, now)
    return WardBoard(ward, spots, meal, now, await meal_stop(actor))


async def all_wards(actor: Actor) -> list[WardBoard]:
    """Return every ward's board, emergency wards first. As many statements, however many wards."""
    now = clock.now()
    meal = await _meal(actor, now)
    by_ward: dict[UUID, list[Spot]] = defaultdict(list)
    for spot in await _spots(actor, await wards.bedsides(actor), meal, now):
        by_ward[spot.side.ward].append(spot)
    stop = await meal_stop(actor)
    return [WardBoard(ward, by_ward[ward.id], meal, now, stop) for ward in await wards.wards(actor)]


async def spot_of_bed(actor: Actor, bed: UUID) -> Spot | None:
    """Return one bed as the board says it; None for a bed that was removed."""
    now = clock.now()
    sides = [side for side in await wards.bedsides(actor, (await wards.bed(actor, bed)).ward) if side.bed == bed]
    found = await _spots(actor, sides, await _meal(actor, now), now)
    return found[0] if found else None


async def _meal(actor: Actor, now: datetime) -> Sitting | None:
    return coming_meal(sittings(await menu.periods(actor), now, actor.zone), now)


class _Plate(Struct, frozen=True):
    """What a board says of one in-patient besides their diet."""

    patient: UUID
    admitted_at: datetime
    eaten_at: datetime | None
    trays: tuple[TrayNow, ...]
    flags: frozenset[str]
    tasks: tuple[str, ...]
    step: StepNow | None
    is_fed: bool
    instead: Instead | None


_PLATES = f"""
    SELECT a.patient, a.started_at AS admitted_at,
           {orders.EATEN_AT.format(patient="a.patient")} AS eaten_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'status', o.status, 'day', o.day,
                   'period', o.period, 'serve_to', o.serve_to) ORDER BY o.serve_from, o.placed_at, o.id), '[]')
              FROM meal_order o
             WHERE o.hospital = a.hospital AND o.patient = a.patient AND o.status <> ALL($3::text[])
               AND ((o.day = $4 AND o.period = $5) OR (o.day >= $6 AND o.serve_to < $7
                    AND o.status = ANY($8::text[]))
               OR (o.day >= $6 AND o.serve_to >= $7 AND o.status = ANY($9::text[])))) AS trays,
           (SELECT jsonb_build_object('id', n.id, 'code', n.code) FROM meal_order n
             WHERE n.hospital = a.hospital AND n.patient = a.patient AND n.replaces IS NOT NULL
               AND n.day >= $6 AND n.status = ANY($8::text[])
             ORDER BY n.placed_at DESC, n.id DESC LIMIT 1) AS instead,
           (SELECT coalesce(array_agg(f.kind), '{{}}') FROM care_flag f
             WHERE f.hospital = a.hospital AND f.patient = a.patient AND f.ended_at IS NULL) AS flags,
           (SELECT coalesce(array_agg(DISTINCT t.kind), '{{}}') FROM task t
             WHERE t.hospital = a.hospital AND t.patient = a.patient AND t.done_at IS NULL) AS tasks,
           (SELECT jsonb_build_object('code', n.code, 'due_at', m.moved_at + make_interval(hours => s.least_hours))
              FROM advancement_protocol p
              JOIN LATERAL (SELECT x.position, x.moved_at, x.diet_order FROM advancement_move x
                   WHERE x.hospital = p.hospital AND x.protocol = p.id
                   ORDER BY x.moved_at DESC, x.id DESC LIMIT 1) m ON true
              JOIN diet_order d ON d.hospital = p.hospital AND d.id = m.diet_order AND d.status = 'active'
              JOIN advancement_step s ON s.hospital = p.hospital AND s.protocol = p.id AND s.position = m.position
              JOIN advancement_step n ON n.hospital = p.hospital AND n.protocol = p.id AND n.position = m.position + 1
             WHERE p.hospital = a.hospital AND p.patient = a.patient AND p.ended_at IS NULL) AS step,
           EXISTS (SELECT FROM feed_order f WHERE f.hospital = a.hospital AND f.admission = a.id
                   AND f.stopped_at IS NULL) AS is_fed
    FROM admission a WHERE a.hospital = $1 AND a.patient = ANY($2) AND a.ended_at IS NULL
"""  # noqa: S608  columns of ours


async def _plates(actor: Actor, patients: list[UUID], meal: Sitting | None, now: datetime) -> dict[UUID, _Plate]:
    today = clock.local_day(now, actor.zone)
    rows = await fetch(
        _Plate,
        _PLATES,
        actor.hospital,
        patients,
        sorted(GONE),
        meal.day if meal else today,
        meal.period.value if meal else "",
        today - timedelta(days=1),
        now,
        sorted(OPEN),
        sorted(STOPPED),
    )
    return {row.patient: row for row in rows}


async def _spots(actor: Actor, sides: Iterable[Bedside], meal: Sitting | None, now: datetime) -> list[Spot]:
    known = list(sides)
    lying = [side.person.id for side in known if side.person]
    briefs = await diets.ward_diets(actor, lying)
    plates = await _plates(actor, lying, meal, now) if lying else {}
    has_insulin = any(Flag.MEALTIME_INSULIN in plate.flags for plate in plates.values())
    doses = await doses_waiting(actor, now) if has_insulin else {}
    fed = await diets.feeds(actor, [one for one, plate in plates.items() if plate.is_fed])
    at = _At(meal, now, clock.local_day(now, actor.zone), doses, fed)
    return [_spot(side, side.person, briefs, plates, at) if side.person else Spot(side, State.FREE) for side in known]


class _At(Struct, frozen=True):
    """The moment of a drawing, and the meal it is about."""

    meal: Sitting | None
    now: datetime
    today: date
    doses: Mapping[UUID, Waiting]
    feeds: Mapping[UUID, Feeds]


def _spot(side: Bedside, person: Person, briefs: dict[UUID, DietBrief], plates: dict[UUID, _Plate], at: _At) -> Spot:
    brief, plate = briefs.get(person.id), plates.get(person.id)
    if brief is None or plate is None:
        return Spot(side, State.NO_DIET)
    own = [tray for tray in plate.trays if tray.is_of(at.meal) or tray.is_stopped(at.now)]
    own.sort(key=lambda tray: tray.status not in STOPPED)  # a bed that is stopped leads to the tray that is
    is_late = any(tray.is_late(at.now) for tray in plate.trays)
    named, food, drink = textures(brief.codes, brief.food_level, brief.drink_level)
    step = None if brief.is_fasting else plate.step
    return Spot(
        side,
        state_of(brief.status, [tray.status for tray in own], is_late=is_late),
        brief=brief,
        diets=named,
        food_level=food,
        drink_level=drink,
        clock=_clock(person, plate, brief, at),
        hints=hints(brief.procedure_at, at.now) if brief.procedure_at else (),
        flags=plate.flags,
        tasks=tuple(sorted(plate.tasks)),
        step=step,
        is_step_due=step is not None and step.is_due(at.now),
        dose=at.doses.get(person.id),
        feeds=at.feeds[person.id].stopped_by_allergy if plate.is_fed else (),
        order=own[0].id if own else None,
        order_status=own[0].status.value if own else "",
        instead=plate.instead,
    )


def _clock(person: Person, plate: _Plate, brief: DietBrief, at: _At) -> FastingClock | None:
    """The clock of who may not eat; before a first diet order it is shown from its first hour on."""
    child = is_child(person.age(at.today))
    found = fasting_clock(plate.eaten_at, plate.admitted_at, at.now, is_child=child)
    is_shown = brief.is_fasting or (brief.status == "no_order" and found.hours > 0)
    return found if is_shown else None
