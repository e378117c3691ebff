"""Asking for a verdict: everything read afresh, once the patient's row is locked."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import DishFacts, Gate, Manual, OtherTray, PatientFacts, Serving, TrayLine, Verdict, prepare
from dusangire.diets.rules.overrides import Override, for_meal, relieved
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.errors import Refusal
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import Why, first, for_staff, serving_of


class Ground(Struct, frozen=True):
    """What every tray of a hospital is judged by at this moment, with the revisions it was read at."""

    manual: Manual
    manual_rev: int
    dishes: Mapping[str, DishFacts]
    menu_rev: int
    now: datetime


class Unsafe(Refusal):
    """A tray may not advance. Raised inside `moving`, it leaves the tray held; its words say what, why, what next."""

    def __init__(self, order: Order, found: Why) -> None:
        super().__init__("order.unsafe", code=order.code, why=for_staff(found.whole))
        self.order = order
        self.found = found


async def ground(actor: Actor) -> Ground:
    """Return the manual and the menu as they are now. Revisions are read first: what is judged is never older.

    One statement where neither has changed.
    """
    at = await diets.revisions(actor)
    return Ground(
        manual=await diets.manual(actor, at),
        manual_rev=at.manual,
        dishes=await menu.dishes(actor, at.menu),
        menu_rev=at.menu,
        now=clock.local(clock.now(), actor.zone),
    )


def judge(
    patient: PatientFacts,
    serving: Serving,
    others: Iterable[OtherTray],
    lines: tuple[TrayLine, ...],
    *,
    on: Ground,
    gate: Gate,
    given: Sequence[Override] = (),
) -> Verdict:
    """Return the one verdict of the program on one tray; `given` are the overrides of its patient and meal."""
    found = prepare(patient, serving, list(others), on.manual, on.dishes, on.now).judge(lines, gate)
    return relieved(found, given, lines, patient.allergies, on.now)


async def judged(actor: Actor, tray: Order, found: list[Order], on: Ground, gate: Gate) -> Verdict:
    """Return the verdict on an order's tray beside the patient's other trays, on facts read now."""
    patient = await diets.facts(actor, tray.patient, ordered_by=tray.placed_as)
    given = for_meal(await diets.overrides(actor, tray.patient), tray.day, tray.period)
    serving = serving_of(tray, actor.zone, on.now)
    rest = queries.others(found, tray.id, actor.zone)
    return judge(patient, serving, rest, tray.tray(), on=on, gate=gate, given=given)


async def keep_still(actor: Actor) -> None:
    """Before the patient's lock: let nobody change the menu or the manual until the caller's transaction ends.

    For a tray, or a dish on it, that is not open to others yet: who changes the menu judges the open trays again, and
    would not see this one. Every change of the menu takes the two locks in this order too.
    """
    await diets.keep_revisions(actor)


async def refuse_stopped(actor: Actor) -> None:
    """Let nothing through a gate while all trays are held: read after the lock, and held until the commit.

    Raises Refusal in plain words; the tray keeps its state.
    """
    stop = await diets.meal_stop_at_gate(actor)
    if stop is not None:
        time = clock.local(stop.set_at, actor.zone).strftime("%H:%M")
        raise Refusal("stop.trays_held", reason=stop.reason, time=time, name=stop.set_name)


def reason_for(verdict: Verdict, names: Mapping[str, Named]) -> Why:
    """Return the words of what matters most in a verdict that does not allow."""
    return first(verdict, names.get)
