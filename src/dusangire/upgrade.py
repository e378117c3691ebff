"""After the migrations: what this release adds to the hospitals that were there before it."""

from dusangire import wiring
from dusangire.accounts import queries as accounts
from dusangire.diets import service as diets
from dusangire.kernel.access import system
from dusangire.kernel.db import acting_as, close_pool, open_pool
from dusangire.kernel.settings import settings
from dusangire.menu import service as menu
from dusangire.orders import service as orders
from dusangire.subscriptions import service as subscriptions


async def complete() -> None:
    """Complete every hospital; a second call changes nothing."""
    wiring.install()
    await open_pool(
        settings().app_url(),
        2,
        statement_timeout="60000",
        lock_timeout="10000",
        idle_in_transaction_session_timeout="60000",
    )
    try:
        await complete_hospitals()
    finally:
        await close_pool()


async def complete_hospitals() -> None:
    """The same within an open pool."""
    with acting_as(None):
        found = await accounts.hospitals()
    for hospital in found:
        actor = system(hospital.id, hospital.zone)
        with acting_as(actor):
            await menu.complete_starter(actor)
            await diets.complete_starter(actor)
            await orders.load_starter(actor)
            await subscriptions.load_starter(actor)
