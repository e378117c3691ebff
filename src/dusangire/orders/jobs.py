"""News of a tray for the one who eats it: each step in their inbox, the confirmation by mail as well."""

from uuid import UUID

from dusangire.kernel import text
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import job
from dusangire.kernel.journal import Event
from dusangire.kernel.phrase import Phrase
from dusangire.notify import service as notify
from dusangire.orders import queries
from dusangire.orders.queries import Order
from dusangire.orders.rules import Status, period_phrase
from dusangire.wards import queries as wards


@job("tell_of_order")
async def tell_of_order(actor: Actor, event: Event) -> None:
    """On `order:<status>`: tell the patient, and the caregiver who ordered; once per order and status."""
    order = await queries.order(actor, UUID(event.about.partition(":")[2]))
    status = Status(event.kind.partition(":")[2])
    subject = Phrase("order.told.subject", {"code": order.code, "status": Phrase(status.key)})
    for user in await _readers(actor, order):
        await notify.tell(
            actor,
            user,
            kind=event.kind,
            key=f"{event.kind}:{order.id}:{event.id if status is Status.HELD else ''}",
            subject=subject,
            body=_body(actor, order, status),
            about=event.about,
            link=f"/orders/{order.id}",
            by_mail=status is Status.CONFIRMED,
        )


async def _readers(actor: Actor, order: Order) -> list[UUID]:
    person = await wards.person(actor, order.patient)
    readers = [person.app_user, order.placed_by if order.placed_as == "caregiver" else None]
    return list(dict.fromkeys(user for user in readers if user is not None))


def _body(actor: Actor, order: Order, status: Status) -> Phrase:
    return Phrase(
        f"order.told.{status}",
        {
            "code": order.code,
            "meal": period_phrase(order.period),
            "day": order.day.strftime("%d.%m.%Y"),
            "from": text.clock_time(order.serve_from, actor.zone),
            "to": text.clock_time(order.serve_to, actor.zone),
            "total": text.money(order.total),
        },
    )
