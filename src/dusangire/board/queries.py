"""Reads of the ward board: beds, what their people may eat, and whether the coming meal is ordered."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.board.rules import LONG_FAST_HOURS, State, coming_meal, hours_since, state_of, textures
from dusangire.diets import queries as diets
from dusangire.diets.queries import DietBrief
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.menu import queries as menu
from dusangire.menu.rules import Sitting, sittings
from dusangire.orders import queries as orders
from dusangire.orders.queries import Ticket
from dusangire.orders.rules import GONE, Status
from dusangire.wards import queries as wards
from dusangire.wards.rules import Bedside, Ward

_SHOWN = frozenset(Status) - GONE


class Spot(Struct, frozen=True):
    """One bed on the board. `diets` are the codes that no texture chip already says."""

    side: Bedside
    state: State
    brief: DietBrief | None = None
    diets: tuple[str, ...] = ()
    food_level: int | None = None
    drink_level: int | None = None
    hours_fasting: int = 0
    order: UUID | None = None
    order_status: str = ""

    @property
    def is_long_fast(self) -> bool:
        return self.hours_fasting >= LONG_FAST_HOURS


class WardBoard(Struct, frozen=True):
    """One ward as of now; `meal` is None before the hospital has meal periods."""

    ward: Ward
    spots: list[Spot]
    meal: Sitting | None
    drawn_at: datetime


async def ward_board(actor: Actor, code: str) -> WardBoard:
    """Return one ward's board. Eight statements, however many beds. Raises NotHere."""
    ward = await wards.ward_of_code(actor, code)
    now = clock.now()
    meal = await _meal(actor, now)
    spots = await _spots(actor, await wards.bedsides(actor, ward.id), meal, now)
    return WardBoard(ward, spots, meal, now)


async def all_wards(actor: Actor) -> list[WardBoard]:
    """Return every ward's board, emergency wards first. Eight statements, however many wards."""
    now = clock.now()
    meal = await _meal(actor, now)
    by_ward: dict[UUID, list[Spot]] = defaultdict(list)
    for spot in await _spots(actor, await wards.bedsides(actor), meal, now):
        by_ward[spot.side.ward].append(spot)
    return [WardBoard(ward, by_ward[ward.id], meal, now) for ward in await wards.wards(actor)]


async def spot_of_bed(actor: Actor, bed: UUID) -> Spot | None:
    """Return one bed as the board says it; None for a bed that was removed."""
    now = clock.now()
    sides = [side for side in await wards.bedsides(actor, (await wards.bed(actor, bed)).ward) if side.bed == bed]
    found = await _spots(actor, sides, await _meal(actor, now), now)
    return found[0] if found else None


async def _meal(actor: Actor, now: datetime) -> Sitting | None:
    return coming_meal(sittings(await menu.periods(actor), now, actor.zone), now)


async def _spots(actor: Actor, sides: Iterable[Bedside], meal: Sitting | None, now: datetime) -> list[Spot]:
    known = list(sides)
    briefs = await diets.ward_diets(actor, [side.person.id for side in known if side.person])
    trays: dict[UUID, list[Ticket]] = defaultdict(list)
    if meal is not None and briefs:
        for ticket in await orders.tickets(actor, _SHOWN, meal.day, meal.period.value):
            trays[ticket.patient].append(ticket)
    return [_spot(side, briefs, trays, now) for side in known]


def _spot(side: Bedside, briefs: dict[UUID, DietBrief], trays: dict[UUID, list[Ticket]], now: datetime) -> Spot:
    if side.person is None:
        return Spot(side, State.FREE)
    brief = briefs.get(side.person.id)
    if brief is None:
        return Spot(side, State.NO_DIET)
    own = trays[side.person.id]
    named, food, drink = textures(brief.codes, brief.food_level, brief.drink_level)
    return Spot(
        side,
        state_of(brief.status, [ticket.status for ticket in own]),
        brief=brief,
        diets=named,
        food_level=food,
        drink_level=drink,
        hours_fasting=hours_since(brief.fasting_since, now) if brief.is_fasting else 0,
        order=own[0].id if own else None,
        order_status=own[0].status.value if own else "",
    )
