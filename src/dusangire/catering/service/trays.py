"""Staff trays: ordered on a plan or for cash, made after the patients' trays, brought to a staff area."""

from datetime import date
from uuid import UUID

from msgspec import Struct

from dusangire.catering import queries
from dusangire.catering.rules import (
    STAFF_PERIODS,
    STAFF_TRAY,
    TrayStatus,
    TrayVerb,
    clashes,
    is_for_staff,
    refuse_choice,
)
from dusangire.catering.tables import StaffDiner, StaffTray, StaffTrayLine
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import short_code, uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import total as sum_of
from dusangire.kernel.phrase import Phrase
from dusangire.menu import queries as menu
from dusangire.menu.rules import Card, Sitting, is_orderable, sitting
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Payer, Purpose
from dusangire.payments.rules.ledger import Account
from dusangire.payments.service import Share
from dusangire.subscriptions import service as subscriptions


class Wanted(Struct, frozen=True):
    """What a member of staff wants to eat, when, where, and how it is paid: by their plan or in cash."""

    day: date
    period: str
    area: str
    dishes: tuple[UUID, ...]
    method: Method = Method.SUBSCRIPTION


async def order_tray(actor: Actor, wanted: Wanted) -> UUID:
    """Order a staff tray and return its id; a second tap for the same meal finds the first tray.

    Raises Refusal past the cut-off, for what is sold out, for what the person must not eat, and without an allowance.
    """
    async with transaction():
        chosen = await _sitting(actor, wanted)
        before = await queries.placed(actor, wanted.day, wanted.period)
        if before is not None:
            return before.id
        dishes = await _dishes(actor, wanted, chosen)
        made, total = uuid7(), sum_of([card.price for card in dishes])
        await StaffTray.insert(
            StaffTray(
                id=made, hospital=actor.hospital, code=f"S-{short_code(5)}", app_user=actor.user, day=wanted.day,
                period=wanted.period, serve_from=chosen.serve_from, serve_to=chosen.serve_to,
                cutoff_at=chosen.cutoff_at, area=wanted.area, status=STAFF_TRAY.start.value, total_minor=total.minor,
                placed_at=clock.now(), status_at=clock.now(),
            )
        )  # fmt: skip
        await StaffTrayLine.insert(*(_line(actor, made, card) for card in dishes))
        share = Share(Method.CASH, total, Payer.STAFF)
        if wanted.method is Method.SUBSCRIPTION:
            share = await subscriptions.use_meal(actor, actor.user, wanted.period, wanted.day, made, total)
        lines = ((Account.ORDER_DUE, made, total.minor), (Account.MEALS, None, -total.minor))
        await payments.post(actor, "sale", f"staff_tray:{made}", lines, key=f"sale:{made}")
        await payments.open_payment(actor, Purpose.STAFF_TRAY, made, share, payer_user=actor.user)
        await record(actor, "staff_tray:ordered", f"staff_tray:{made}")
    return made


async def move_tray(actor: Actor, tray_id: UUID, verb: TrayVerb) -> None:
    """Move a staff tray on; a second tap changes nothing. Raises Refusal where it has moved elsewhere, NotHere."""
    async with transaction():
        await _move(actor, tray_id, verb)


async def hand_over(actor: Actor, tray_id: UUID) -> None:
    """Bring a tray to its owner; the cash that was due is taken by who brings it."""
    async with transaction():
        if await _move(actor, tray_id, TrayVerb.HAND_OVER):
            await payments.settle_cash(actor, tray_id, collector=actor.user)


async def cancel_tray(actor: Actor, tray_id: UUID) -> None:
    """Call one's own tray off until the cut-off; the meal goes back to the plan. Raises Refusal, NotHere."""
    async with transaction():
        found = await queries.tray(actor, tray_id)
        if found.app_user != actor.user:
            raise NotHere
        if found.status is TrayStatus.ORDERED and clock.now() >= found.cutoff_at:
            raise Refusal("order.cancel_closed", time=clock.local(found.cutoff_at, actor.zone).strftime("%H:%M"))
        if await _move(actor, tray_id, TrayVerb.CANCEL):
            await payments.cancel(actor, tray_id)
            await payments.reverse_key(actor, f"sale:{tray_id}", reason="cancelled")


async def avoid(actor: Actor, allergens: tuple[str, ...]) -> None:
    """Keep what the person who asks must not eat; no dish with it can be ordered from then on."""
    chosen = sorted(set(allergens))
    async with transaction():
        await StaffDiner.insert(
            StaffDiner(
                id=uuid7(), hospital=actor.hospital, app_user=actor.user, allergens=chosen, changed_at=clock.now()
            )
        ).on_conflict(
            target=(StaffDiner.hospital, StaffDiner.app_user),
            action="DO UPDATE",
            values=[StaffDiner.allergens, StaffDiner.changed_at],
        )
        await record(actor, "staff_diner:changed", f"staff_diner:{actor.user}", allergens=chosen)


async def _sitting(actor: Actor, wanted: Wanted) -> Sitting:
    found = sitting(await menu.periods(actor), wanted.day, wanted.period, actor.zone)
    if found is None or wanted.period not in STAFF_PERIODS:
        raise Refusal("order.no_such_meal", status=422)
    if not is_orderable(found, clock.now()):
        raise Refusal("catering.closed", time=clock.local(found.cutoff_at, actor.zone).strftime("%H:%M"))
    return found


async def _dishes(actor: Actor, wanted: Wanted, chosen: Sitting) -> list[Card]:
    wrong = refuse_choice(len(set(wanted.dishes)))
    if wrong:
        raise Refusal(wrong, status=422)
    cards = {card.id: card for card in (await menu.cards(actor)).values()}
    avoided = await queries.diner(actor)
    found = []
    for dish in dict.fromkeys(wanted.dishes):
        card = cards.get(dish)
        if card is None or not card.is_available or chosen.meal not in card.meals or not is_for_staff(card):
            raise Refusal("catering.not_served", status=409)
        against = sorted(clashes(avoided, card.allergens, card.may_contain | card.cross_contact))
        if against:
            raise Refusal("catering.not_for_you", dish=card.named, allergen=Phrase(f"allergen.{against[0]}"))
        found.append(card)
    return found


async def _move(actor: Actor, tray_id: UUID, verb: TrayVerb) -> bool:
    await queries.locked_tray(actor, tray_id)
    found = await queries.tray(actor, tray_id)
    target = next(target for said, _, target in STAFF_TRAY.rows if said is verb)
    if found.status is target:
        return False
    if found.status not in STAFF_TRAY.sources(verb):
        raise Refusal("order.moved_on", code=found.code, status_now=Phrase(f"catering.tray.{found.status}"))
    await StaffTray.update({StaffTray.status: target.value, StaffTray.status_at: clock.now()}).where(
        mine(StaffTray, actor), StaffTray.id == tray_id
    )
    await record(actor, f"staff_tray:{target}", f"staff_tray:{tray_id}", code=found.code)
    return True


def _line(actor: Actor, tray: UUID, card: Card) -> StaffTrayLine:
    return StaffTrayLine(
        id=uuid7(), hospital=actor.hospital, tray=tray, dish=card.id, dish_code=card.code, name_en=card.name_en,
        name_fr=card.name_fr, name_rw=card.name_rw, price_minor=card.price.minor,
    )  # fmt: skip
