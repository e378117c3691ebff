"""Whose plans and points somebody may eat on."""

from uuid import UUID

from dusangire.kernel.access import Actor, Can
from dusangire.kernel.errors import NotHere
from dusangire.subscriptions import queries
from dusangire.wards import queries as wards


async def refuse_sharing(actor: Actor, who: UUID) -> None:
    """Raise NotHere where somebody would eat on a plan, or points, that are neither theirs nor their patient's."""
    if who == queries.owner_of(actor):
        return
    if not actor.may(Can.ORDER_FOR_PATIENT):
        raise NotHere
    await wards.person(actor, who)
