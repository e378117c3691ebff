"""An order as it is decided, and every row that is written of it in the transaction that decides it."""

from datetime import date
from hashlib import sha256
from uuid import UUID

import msgspec
from msgspec import Struct

from dusangire.diets import service as diets
from dusangire.diets.rules import Gate, Verdict
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import add, mine
from dusangire.kernel.ids import token, uuid7
from dusangire.kernel.money import Money
from dusangire.menu.rules import Card, Sitting
from dusangire.orders import queries
from dusangire.orders.queries import CartLine
from dusangire.orders.rules import ORDER, Place, Verb, is_late, opening_request, ordered_by, window
from dusangire.orders.rules.paying import waits_until
from dusangire.orders.service.judging import Ground
from dusangire.orders.service.moving import write_move
from dusangire.orders.service.paying import Paying
from dusangire.orders.tables import Cart, MealOrder
from dusangire.orders.tables import OrderLine as OrderLineRow
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Purpose


class Checkout(Struct, frozen=True):
    """What the checkout page sends. `key` was minted with the page and names this one intention.

    expects_minor: the total that the page showed; where it is another one by now, nothing is ordered.
    """

    key: str
    patient: UUID
    day: date
    period: str
    method: Method
    place: Place = Place.BED
    place_name: str = ""
    request: str = ""
    phone: str = ""
    coupon: str = ""
    expects_minor: int | None = None

    def hashed(self) -> bytes:
        """Return what must be the same when the same key comes again."""
        return sha256(msgspec.json.encode(self)).digest()


class Line(Struct, frozen=True):
    card: Card
    chosen: CartLine
    price: Money

    @property
    def total(self) -> Money:
        return self.price * self.chosen.quantity


class Origin(Struct, frozen=True):
    """How an order came about that nobody chose: a word for people, a key that makes it once, what it replaces."""

    word: str = ""
    key: str | None = None
    replaces: UUID | None = None


class Decided(Struct, frozen=True):
    """Everything the order will be, decided before the first row of it is written."""

    id: UUID
    admission: UUID
    cart: UUID | None
    sitting: Sitting
    lines: tuple[Line, ...]
    verdict: Verdict
    safety_rev: int
    on: Ground
    paying: Paying
    payer: UUID | None
    origin: Origin = Origin()


async def write(actor: Actor, wanted: Checkout, decided: Decided) -> None:
    await _write_order(actor, wanted, decided)
    await add(*(_line_row(actor, decided.id, n, line) for n, line in enumerate(decided.lines, 1)))
    await diets.keep_check(
        actor, decided.id, wanted.patient, Gate.CHECKOUT, decided.verdict, safety_rev=decided.safety_rev,
        menu_rev=decided.on.menu_rev, manual_rev=decided.on.manual_rev,
    )  # fmt: skip
    if decided.cart is not None:
        await Cart.update({Cart.checked_out_at: clock.now()}).where(mine(Cart, actor), Cart.id == decided.cart)
    order = await queries.order(actor, decided.id)
    waits = decided.paying.waits
    await payments.open_shares(
        actor, Purpose.ORDER, decided.id, decided.paying.shares, payer_user=decided.payer,
        expires_at=waits_until(order.cutoff_at, order.placed_at) if waits else None,
    )  # fmt: skip
    await write_move(actor, order, Verb.AWAIT if waits else Verb.CONFIRM)
    await _ask_nutritionist(actor, wanted, decided, order.code)


async def _write_order(actor: Actor, wanted: Checkout, decided: Decided) -> None:
    now, chosen, bill = clock.now(), decided.sitting, decided.paying.bill
    serve_from, serve_to = window(chosen.serve_from, chosen.serve_to, now)
    await add(
        MealOrder(
            id=decided.id,
            hospital=actor.hospital,
            code=await queries.free_code(actor, wanted.period),
            tray_token=token()[:24],
            patient=wanted.patient,
            admission=decided.admission,
            cart=decided.cart,
            day=wanted.day,
            period=wanted.period,
            serve_from=serve_from,
            serve_to=serve_to,
            cutoff_at=chosen.cutoff_at,
            status=ORDER.start.value,
            is_late_tray=is_late(chosen.cutoff_at, now),
            place=wanted.place.value,
            place_name="" if wanted.place is Place.BED else wanted.place_name,
            request=wanted.request,
            request_state=opening_request(wanted.request).value,
            items_minor=bill.items.minor,
            delivery_minor=bill.delivery.minor,
            discount_minor=bill.discount.minor,
            total_minor=bill.total.minor,
            vat_minor=decided.paying.vat.minor,
            placed_by=actor.user,
            placed_as=ordered_by(actor),
            automatic=decided.origin.word,
            automatic_key=decided.origin.key,
            replaces=decided.origin.replaces,
            placed_at=now,
            status_at=now,
        )
    )


def _line_row(actor: Actor, order_id: UUID, position: int, line: Line) -> OrderLineRow:
    return OrderLineRow(
        id=uuid7(),
        hospital=actor.hospital,
        meal_order=order_id,
        position=position,
        dish=line.card.id,
        dish_code=line.card.code,
        name_en=line.card.name_en,
        name_fr=line.card.name_fr,
        name_rw=line.card.name_rw,
        portion=line.chosen.portion,
        quantity=line.chosen.quantity,
        price_minor=line.price.minor,
        recipe_rev=line.card.recipe_rev,
    )


async def _ask_nutritionist(actor: Actor, wanted: Checkout, decided: Decided, code: str) -> None:
    """Leave a task for what a person must look at: a wish in free words, and what soft rules ask about."""
    about = f"order:{decided.id}"
    if wanted.request:
        await diets.open_task(
            actor, "special_request", patient=wanted.patient, about=about, code=code, link="/orders/requests"
        )
    if decided.verdict.asks:
        asked = sorted({".".join(reason.key()) for reason in decided.verdict.asks})
        await diets.open_task(
            actor, "order_asks", patient=wanted.patient, about=about, code=code, rules=asked,
            link=f"/orders/{decided.id}",
        )  # fmt: skip
