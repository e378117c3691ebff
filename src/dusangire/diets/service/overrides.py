"""Overrides: given, agreed to by a second person, withdrawn. Each locks the patient first and raises no revision.

A revision raised here would void the other overrides of the same tray; who withdraws has the open trays judged again
in the same commit instead, by the event.
"""

from datetime import date, datetime
from uuid import UUID

from msgspec import Struct

from dusangire.accounts import service as accounts
from dusangire.diets import queries
from dusangire.diets.rules import Reason
from dusangire.diets.rules.overrides import ALLERGY, Override, State, expiry, refusal
from dusangire.diets.service.tasks import close_task, open_task
from dusangire.diets.tables import DietOverride
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NoRight, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.wards import service as wards
from dusangire.wards.service.safety import wards_bell

SECOND = "override_second"
_SHORTEST = 3


class Meal(Struct, frozen=True):
    """Which meal of which patient, and until when it is served."""

    patient: UUID
    day: date
    period: str
    serve_to: datetime


async def confirm_person(actor: Actor, password: str) -> None:
    """Ask the person for their password again, outside any transaction. Raises NoRight, Refusal."""
    if not actor.may(Can.DIET_OVERRIDE):
        raise NoRight
    if not await accounts.verify_password(actor, password):
        raise Refusal("account.password_wrong", status=422)


async def give_override(
    actor: Actor, meal: Meal, dish: UUID, broken: Reason, words: str, *, also: tuple[str, ...] = ()
) -> UUID:
    """Set one broken rule aside for one dish at one meal; return the override's id.

    Within the caller's transaction, which has locked the patient and found `broken` in a verdict of now. An allergy
    waits for a second person. Raises NoRight, Refusal for what nobody may override, or a meal that is over.
    """
    if not actor.may(Can.DIET_OVERRIDE):
        raise NoRight
    if len(words.strip()) < _SHORTEST:
        raise Refusal("override.say_why", status=422)
    now = clock.now()
    rev = await wards.lock(actor, meal.patient)
    facts = await queries.facts(actor, meal.patient, ordered_by="nurse")
    no = refusal(broken, facts.allergies)
    if no is not None:
        raise Refusal(no)
    if meal.serve_to <= now:
        raise Refusal("override.meal_over")
    await _refuse_twice(actor, meal, dish, broken, now)
    row = _row(actor, meal, dish, broken, words.strip())
    row.safety_rev = rev
    await DietOverride.insert(row)
    await _tell(actor, "given", await queries.override(actor, row.id), also)
    if broken.source == ALLERGY:
        await open_task(
            actor, SECOND, patient=meal.patient, about=f"override:{row.id}", link=f"/overrides/{row.id}",
            said=words.strip(),
        )  # fmt: skip
    return row.id


async def second_override(actor: Actor, override_id: UUID, password: str) -> None:
    """Agree to an override as the second person, with one's own password. Raises NoRight, NotHere, Refusal."""
    await confirm_person(actor, password)
    seen = await queries.override(actor, override_id)
    async with transaction():
        await wards.lock(actor, seen.patient)
        one = await queries.override(actor, override_id)
        _refuse_second(actor, one)
        moved = (
            await DietOverride.update({DietOverride.seconded_by: actor.user, DietOverride.seconded_at: clock.now()})
            .where(mine(DietOverride, actor), DietOverride.id == override_id, DietOverride.seconded_by.is_null())
            .returning(DietOverride.id)
        )
        if not moved:
            raise Refusal("override.moved_on")
        await close_task(actor, SECOND, about=f"override:{override_id}")
        await _tell(actor, "seconded", one)


async def withdraw_override(actor: Actor, override_id: UUID) -> None:
    """Take an override back; open trays that need it are held in the same commit. Raises NoRight, NotHere, Refusal."""
    if not actor.may(Can.DIET_OVERRIDE):
        raise NoRight
    seen = await queries.override(actor, override_id)
    async with transaction():
        await wards.lock(actor, seen.patient)
        moved = (
            await DietOverride.update({DietOverride.withdrawn_by: actor.user, DietOverride.withdrawn_at: clock.now()})
            .where(mine(DietOverride, actor), DietOverride.id == override_id, DietOverride.withdrawn_at.is_null())
            .returning(DietOverride.id)
        )
        if not moved:
            raise Refusal("override.moved_on")
        await close_task(actor, SECOND, about=f"override:{override_id}")
        await _tell(actor, "withdrawn", seen)


async def close_needless_seconds(actor: Actor) -> int:
    """Close the tasks of overrides that no second person can make count any more; return how many."""
    waiting = {
        f"override:{one.id}" for one in await queries.open_overrides(actor) if one.state(clock.now()) is State.WAITS
    }
    tasks = [task for task in await queries.open_tasks(actor) if task.kind == SECOND and task.about not in waiting]
    for task in tasks:
        await close_task(actor, SECOND, about=task.about)
    return len(tasks)


async def _refuse_twice(actor: Actor, meal: Meal, dish: UUID, broken: Reason, now: datetime) -> None:
    for one in await queries.overrides(actor, meal.patient):
        is_same = (one.day, one.period, one.dish_id, one.bound) == (meal.day, meal.period, dish, broken.bound or "")
        stands = one.state(now) in (State.COUNTS, State.WAITS)
        if is_same and stands and one.broken().key() == broken.key() and one.value == broken.value:
            raise Refusal("override.already")


def _row(actor: Actor, meal: Meal, dish: UUID, broken: Reason, words: str) -> DietOverride:
    now = clock.now()
    return DietOverride(
        id=uuid7(),
        hospital=actor.hospital,
        patient=meal.patient,
        day=meal.day,
        period=str(meal.period),
        dish=dish,
        source=broken.source,
        rule=broken.rule,
        subject=broken.subject,
        scope=broken.scope,
        bound=str(broken.bound or ""),
        value=broken.value,
        most=broken.limit,
        unit=broken.unit,
        reason=words,
        given_by=actor.user,
        given_at=now,
        expires_at=expiry(now, meal.serve_to),
    )


def _refuse_second(actor: Actor, one: Override) -> None:
    if one.given_by == actor.user:
        raise Refusal("override.same_person", status=403)
    if not one.needs_second:
        raise Refusal("override.needs_no_second")
    if one.state(clock.now()) is not State.WAITS:
        raise Refusal("override.moved_on")


async def _tell(actor: Actor, what: str, one: Override, also: tuple[str, ...] = ()) -> None:
    await record(
        actor, f"override:{what}", f"patient:{one.patient}", also=[wards_bell(actor), *also],
        override=str(one.id), code=one.dish, rule=".".join(filter(None, one.broken().key())), reason=one.reason,
        day=one.day, period=one.period, until=one.expires_at, given_by=str(one.given_by),
    )  # fmt: skip
