"""What delivery does by the clock, and when a tray is stopped."""

from dusangire.delivery import service
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event
from dusangire.orders.rules import RECALLED_FROM


@chore("forget_old_proofs")
async def forget_old_proofs(actor: Actor) -> None:
    """Once a day: photos and signatures are not kept longer than they are needed."""
    await service.forget_old(actor)


@job("call_back_tray")
async def call_back_tray(actor: Actor, event: Event) -> None:
    """On `order:held`: mark a carried tray as called back, where whoever held it could not do so in the same commit."""
    if event.facts.get("held_from") in RECALLED_FROM:
        await service.call_back(actor, event.about)
