"""What follows when the invoice of an event is paid."""

from uuid import UUID

from dusangire.catering import service
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import job
from dusangire.kernel.journal import Event
from dusangire.payments.rules import Purpose


@job("event_payment_changed")
async def close_paid_event(actor: Actor, event: Event) -> None:
    if event.facts.get("purpose") == Purpose.EVENT:
        await service.paid(actor, UUID(event.facts["subject"]))
