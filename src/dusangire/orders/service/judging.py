"""Asking for a verdict: everything read afresh, once the patient's row is locked."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from dusangire.diets import queries as diets
from dusangire.diets.rules import DishFacts, Gate, Manual, OtherTray, PatientFacts, Serving, TrayLine, Verdict, prepare
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.errors import Refusal
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import Why, first, serving_of


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
        super().__init__("order.unsafe", code=order.code, why=found.whole)
        self.order = order
        self.found = found


async def ground(actor: Actor) -> Ground:
    """Return the manual and the menu as they are now. Revisions are read first: what is judged is never older."""
    menu_rev = await menu.revision(actor)
    manual_rev = await diets.manual_revision(actor)
    return Ground(
        manual=await diets.manual(actor),
        manual_rev=manual_rev,
        dishes=await menu.dishes(actor),
        menu_rev=menu_rev,
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
) -> Verdict:
    """Return the one verdict of the program on one tray."""
    return prepare(patient, serving, list(others), on.manual, on.dishes, on.now).judge(lines, gate)


async def judged(actor: Actor, tray: Order, found: list[Order], on: Ground, gate: Gate) -> Verdict:
    """Return the verdict on an order's tray beside the patient's other trays, on facts read now."""
    patient = await diets.facts(actor, tray.patient, ordered_by=tray.placed_as)
    serving = serving_of(tray, actor.zone, on.now)
    return judge(patient, serving, queries.others(found, tray.id, actor.zone), tray.tray(), on=on, gate=gate)


def reason_for(verdict: Verdict, names: Mapping[str, Named]) -> Why:
    """Return the words of what matters most in a verdict that does not allow."""
    return first(verdict, names.get)
