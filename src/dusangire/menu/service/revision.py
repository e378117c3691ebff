"""The revision that every kept menu is checked against."""

from dusangire.kernel.access import Actor
from dusangire.kernel.errors import NotHere
from dusangire.menu.tables import MenuRevision


def menu_bell(actor: Actor) -> str:
    """The bell that open menus listen to."""
    return f"{actor.hospital}:menu"


async def raise_revision(actor: Actor) -> None:
    """Let every kept menu be derived anew once this transaction commits."""
    raised = (
        await MenuRevision.update({MenuRevision.rev: MenuRevision.rev + 1})
        .where(MenuRevision.hospital == actor.hospital)
        .returning(MenuRevision.rev)
    )
    if not raised:
        raise NotHere
