"""An override given on a tray: what stops it now, and one of those rules set aside by somebody who may."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct

from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Allergy, Gate, Reason, TrayLine, Verdict
from dusangire.diets.rules.overrides import for_meal
from dusangire.kernel.access import Actor
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.phrase import Named
from dusangire.menu import queries as menu
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import serving_of
from dusangire.orders.service.carts import Choice
from dusangire.orders.service.judging import ground, judge, judged
from dusangire.wards import service as wards


class Plate(Struct, frozen=True):
    """One dish of a judged tray."""

    id: UUID
    code: str
    named: Named


class Stopped(Struct, frozen=True):
    """A meal of a patient as the verdict sees it now: its dishes, and everything said of it."""

    patient: UUID
    day: date
    period: str
    serve_to: datetime
    plates: tuple[Plate, ...]
    allergies: tuple[Allergy, ...]
    verdict: Verdict

    def named(self, code: str) -> Named | None:
        """Return the names of a dish on it; None for one that is not."""
        return next((plate.named for plate in self.plates if plate.code == code), None)


class Broken(Struct, frozen=True):
    """Which broken rule, for which dish, is to be set aside."""

    source: str
    rule: str
    subject: str
    scope: str
    bound: str
    dish: str

    def is_of(self, reason: Reason) -> bool:
        """Whether this names the reason."""
        is_same = reason.key() == [self.source, self.rule, self.subject, self.scope]
        return is_same and (reason.bound or "") == self.bound and reason.dish in (None, self.dish)


class Signature(Struct, frozen=True):
    """The reason in words and the person's own password."""

    words: str
    password: str


async def stopped_tray(actor: Actor, order_id: UUID) -> Stopped:
    """Return what stops an order's tray now. Raises NotHere."""
    tray = await queries.order(actor, order_id)
    found = await queries.trays(actor, tray.patient, tray.day, tray.day)
    answer = await judged(actor, tray, found, await ground(actor), Gate.CHECKOUT)
    facts = await diet_queries.facts(actor, tray.patient, ordered_by=tray.placed_as)
    plates = tuple(Plate(line.dish, line.dish_code, line.named) for line in tray.lines)
    return Stopped(tray.patient, tray.day, tray.period, tray.serve_to, plates, facts.allergies, answer)


async def stopped_dish(actor: Actor, choice: Choice) -> Stopped:
    """Return what stops a dish that staff choose for a patient, with what is on the tray. Raises NotHere."""
    at, on = choice.sitting, await ground(actor)
    card = (await menu.cards(actor, on.menu_rev)).get(choice.dish)
    if card is None or queries.is_own_only(actor):
        raise NotHere
    facts = await diet_queries.facts(actor, choice.patient, ordered_by="nurse")
    kept = (await queries.cart(actor, choice.patient, at.day, at.period)).lines
    is_chosen = any(line.dish == card.id for line in kept)
    lines = tuple(line.tray_line() for line in kept)
    lines += () if is_chosen else (TrayLine(card.code, choice.portion, 1),)
    answer = judge(
        facts,
        serving_of(at, actor.zone, on.now),
        queries.others(await queries.trays(actor, choice.patient, at.day, at.day), None, actor.zone),
        lines,
        on=on,
        gate=Gate.CHECKOUT if is_chosen else Gate.CART,
        given=for_meal(await diet_queries.overrides(actor, choice.patient), at.day, at.period),
    )
    plates = {line.dish_code: Plate(line.dish, line.dish_code, line.named) for line in kept}
    plates[card.code] = Plate(card.id, card.code, Named(card.name_en, card.name_fr, card.name_rw))
    return Stopped(choice.patient, at.day, str(at.period), at.serve_to, tuple(plates.values()), facts.allergies, answer)


async def override_tray(actor: Actor, order_id: UUID, broken: Broken, signed: Signature) -> UUID:
    """Set a rule aside for a dish of an order; return the override's id.

    The verdict is asked anew under the patient's lock, and only what it still names can be set aside. Raises NoRight,
    NotHere, Refusal.
    """
    await diets.confirm_person(actor, signed.password)
    order: Order = await queries.order(actor, order_id)
    async with transaction():
        await wards.lock(actor, order.patient)
        stopped = await stopped_tray(actor, order_id)
        return await _give(actor, stopped, broken, signed.words, bell=f"order:{order_id}")


async def override_dish(actor: Actor, choice: Choice, broken: Broken, signed: Signature) -> UUID:
    """Set a rule aside for a dish that staff choose; the same as for an order's tray."""
    await diets.confirm_person(actor, signed.password)
    async with transaction():
        await wards.lock(actor, choice.patient)
        return await _give(actor, await stopped_dish(actor, choice), broken, signed.words)


async def _give(actor: Actor, stopped: Stopped, broken: Broken, words: str, *, bell: str = "") -> UUID:
    reason = next((one for one in stopped.verdict.reasons if broken.is_of(one)), None)
    plate = next((one for one in stopped.plates if one.code == broken.dish), None)
    if reason is None or plate is None:
        raise Refusal("override.gone")
    meal = diets.Meal(stopped.patient, stopped.day, stopped.period, stopped.serve_to)
    return await diets.give_override(actor, meal, plate.id, reason, words, also=(bell,) if bell else ())


def choices(stopped: Stopped) -> list[tuple[Broken, Reason, Plate]]:
    """Return every stop with the dish it can be set aside for: its own, or for a sum each dish on the tray."""
    found = []
    for reason in stopped.verdict.reasons:
        for plate in stopped.plates:
            if reason.dish in (None, plate.code):
                said = Broken(
                    reason.source, reason.rule, reason.subject, reason.scope, str(reason.bound or ""), plate.code
                )
                found.append((said, reason, plate))
    return found


def one_portion(size: str) -> Decimal:
    """Return the portion an address asks for; a whole one where it says nothing we serve."""
    return {"0.5": Decimal("0.5"), "1.5": Decimal("1.5")}.get(size, Decimal(1))
