"""What delivery does by the clock."""

from dusangire.delivery import service
from dusangire.kernel.access import Actor
from dusangire.kernel.jobs import chore


@chore("forget_old_proofs")
async def forget_old_proofs(actor: Actor) -> None:
    """Once a day: photos and signatures are not kept longer than they are needed."""
    await service.forget_old(actor)
