"""Trays nobody chose: a replacement for a stopped one, a late tray, a safe tray that a nurse asks for."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.accounts import queries as accounts
from dusangire.diets import queries as diet_queries
from dusangire.diets import service as diets
from dusangire.diets.rules import Prepared, TrayLine, prepare
from dusangire.kernel.access import Actor, Can, Role
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Named, Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, sitting
from dusangire.notify import service as notify
from dusangire.orders import queries
from dusangire.orders.queries import CartLine, Order
from dusangire.orders.rules import REPLACED_FROM, Place, Status, ordered_by, period_phrase, serving_of
from dusangire.orders.rules.automatic import tray_for
from dusangire.orders.service.judging import ground
from dusangire.orders.service.moving import with_fresh_proof
from dusangire.orders.service.ordering import Checkout, Origin
from dusangire.orders.service.placing import place_chosen
from dusangire.payments.rules import Method
from dusangire.wards import queries as wards

_TRIES = 3
# Refusals after which choosing anew helps: something changed between choosing and the lock.
_MAY_PASS = frozenset({"order.not_this_tray", "error.sold_out", "order.not_at_this_meal"})
# Nobody is asked for a tray that a person decided there shall not be.
_NO_TASK = frozenset({"NPO", "stop.trays_held"})


class _Meal(Struct, frozen=True):
    """The tray that is asked for: whose, which, why, and instead of which."""

    patient: UUID
    day: date
    period: str
    why: str
    instead: Order | None

    @property
    def origin(self) -> Origin:
        word = self.why.partition(":")[0]
        if self.instead is not None:
            return Origin(word, f"replaces:{self.instead.id}", self.instead.id)
        return Origin(word, f"{self.patient}:{self.day}:{self.period}:{self.why}")


class _Made(Struct, frozen=True):
    """The order, or what stood against one."""

    order: UUID | None
    stop: str = ""


class _Found(Struct, frozen=True):
    """What may be ordered; without lines, the source of what stops the patient, '' where only no dish fits."""

    lines: tuple[CartLine, ...]
    stop: str = ""


async def order_for(
    actor: Actor, patient: UUID, day: date, period: str, *, why: str, replaces: UUID | None = None
) -> UUID | None:
    """Order a tray that passes the verdict at checkout, charged to the stay; return its id, None where nothing fits.

    `why` is one word for people, and after a colon anything that makes the wish one of its kind. Once for each
    `replaces`, or for each patient, day, period and `why`. None also where the patient must not eat; otherwise the
    nutritionist and the nurses have a task.
    """
    instead = await queries.order(actor, replaces) if replaces is not None else None
    return (await _make(actor, _Meal(patient, day, period, why, instead))).order


async def safe_tray(actor: Actor, patient: UUID, day: date, period: str, key: str) -> UUID:
    """Order a safe tray because a nurse asks; a stopped tray of the same meal is replaced by it.

    `key` was minted with the page. Raises Refusal where a tray is on its way already, or nothing fits.
    """
    if not actor.may(Can.ORDER_FOR_PATIENT):
        raise NotHere
    why = f"safe_tray:{key}"
    made = await queries.automatic_order(actor, _Meal(patient, day, period, why, None).origin.key or "")
    if made is not None:
        return made
    beside = [tray for tray in await queries.trays(actor, patient, day, day) if tray.period == period]
    under_way = next((tray for tray in beside if tray.status not in (Status.HELD, Status.UNDELIVERED)), None)
    if under_way is not None:
        raise Refusal("order.already_placed", code=under_way.code, meal=period_phrase(period))
    stopped = next((tray.id for tray in beside if tray.status is Status.HELD), None)
    made = await order_for(actor, patient, day, period, why=why, replaces=stopped)
    if made is None:
        raise Refusal("order.no_safe_tray", meal=period_phrase(period))
    return made


async def replace(actor: Actor, order_id: UUID) -> UUID | None:
    """Order a tray in place of one that was stopped while it was being made or carried; None where none is due.

    Same dishes as far as they are allowed. It says so in the stopped tray's history when there will be none.
    """
    tray = await queries.order(actor, order_id)
    if tray.status is not Status.HELD or tray.held_from not in REPLACED_FROM:
        return None
    if await queries.replacement_of(actor, order_id) is not None:
        return None
    made = await _make(actor, _Meal(tray.patient, tray.day, tray.period, "replacement", tray))
    bells = [f"patient:{tray.patient}", f"{actor.hospital}:orders"]
    async with transaction():
        if made.order is not None:
            code = (await queries.order(actor, made.order)).code
            await record(actor, "tray:replaced", f"order:{order_id}", also=bells, code=tray.code, by=code)
        else:
            await record(actor, "tray:not_replaced", f"order:{order_id}", also=bells, code=tray.code, stop=made.stop)
    return made.order


async def _make(actor: Actor, meal: _Meal) -> _Made:
    """Choose and place, anew where something changed in between."""
    made = await queries.automatic_order(actor, meal.origin.key or "")
    if made is not None:
        return _Made(made)
    stop = ""
    for _ in range(_TRIES):
        found = await _choose(actor, meal)
        stop = found.stop
        if not found.lines:
            break
        try:
            return _Made(await _place(actor, meal, found.lines))
        except Refusal as refused:
            stop = refused.key
            if stop not in _MAY_PASS:
                break
    await _tell_nothing_fits(actor, meal, stop)
    return _Made(None, stop)


async def _choose(actor: Actor, meal: _Meal) -> _Found:
    """Choose before the patient's row is locked; what is placed is judged again under the lock."""
    prepared = await _prepared(actor, meal)
    cards = await menu.cards(actor)
    available = frozenset(code for code, card in cards.items() if card.is_available)
    lines = tray_for(prepared, available, meal.instead.tray() if meal.instead is not None else ())
    if lines:
        return _Found(tuple(_line(cards[line.dish], line) for line in lines))
    return _Found((), "NPO" if any(reason.source == "NPO" for reason in prepared.about_patient) else "")


async def _prepared(actor: Actor, meal: _Meal) -> Prepared:
    on = await ground(actor)
    at = sitting(await menu.periods(actor), meal.day, meal.period, actor.zone)
    if at is None:
        raise Refusal("order.no_such_meal", status=422)
    facts = await diet_queries.facts(actor, meal.patient, ordered_by=ordered_by(actor))
    found = await queries.trays(actor, meal.patient, meal.day, meal.day)
    but = meal.instead.id if meal.instead is not None else None
    others = queries.others(found, but, actor.zone)
    return prepare(facts, serving_of(at, actor.zone, on.now), others, on.manual, on.dishes, on.now)


async def _place(actor: Actor, meal: _Meal, lines: tuple[CartLine, ...]) -> UUID:
    instead = meal.instead
    wanted = Checkout(
        key="",
        patient=meal.patient,
        day=meal.day,
        period=meal.period,
        method=Method.HOSPITAL_ACCOUNT,
        place=Place(instead.place) if instead is not None else Place.BED,
        place_name=instead.place_name if instead is not None else "",
    )
    return await with_fresh_proof(lambda: place_chosen(actor, wanted, lines, meal.origin))


async def _tell_nothing_fits(actor: Actor, meal: _Meal, stop: str) -> None:
    """Leave a task for the nutritionist, and a message for each nurse, once for a patient and a meal."""
    if stop in _NO_TASK:
        return
    about = f"meal:{meal.day}:{meal.period}"
    person = await wards.person(actor, meal.patient)
    link = f"/health-profiles/{meal.patient}"
    async with transaction():
        opened = await diets.open_task(actor, "no_safe_tray", patient=meal.patient, about=about, link=link)
        if opened is None:
            return
        told: dict[str, Phrase | Named | str | int] = {
            "bed": person.bed_code or "–",
            "name": person.name,
            "meal": period_phrase(meal.period),
        }
        for user in await _on_duty(actor):
            await notify.tell(
                actor,
                user,
                kind="order:no_safe_tray",
                key=f"no_safe_tray:{opened}",
                subject=Phrase("order.no_tray.subject", {"bed": told["bed"]}),
                body=Phrase("order.no_tray.body", told),
                about=f"patient:{meal.patient}",
                link=link,
            )


async def _on_duty(actor: Actor) -> list[UUID]:
    found = [
        user for role in (Role.NURSE, Role.NUTRITIONIST) for user in await accounts.users_with_role(actor, role)
    ]  # fmt: skip
    return list(dict.fromkeys(found))


def _line(card: Card, line: TrayLine) -> CartLine:
    return CartLine(card.id, card.code, card.name_en, card.name_fr, card.name_rw, line.portion, int(line.quantity))
