"""The end of a day: cash and bank compared with what the house counted itself, and the day closed once all is named."""

from datetime import date, timedelta
from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.payments.queries import closing as queries
from dusangire.payments.queries.reconciling import recon_run
from dusangire.payments.rules import Method
from dusangire.payments.service.reconciling import reconcile

# A transaction that began before midnight has ended by then, or was ended.
_GRACE = timedelta(minutes=5)


async def compare_own(actor: Actor, day: date, method: Method) -> UUID:
    """Compare a day's cash with the counts, or its transfers with the bank's lines; return the run. Raises Refusal."""
    match method:
        case Method.CASH:
            lines = await queries.counted_list(actor, day)
        case Method.BANK:
            lines = await queries.bank_list(actor, day)
        case _:
            raise Refusal("form.choose_one", status=422)
    return await reconcile(actor, day, method, lines)


async def close_day(actor: Actor, day: date) -> None:
    """Close a day that is over. Raises Refusal before, and while a method was not compared or a line has no name.

    Nothing lands in it later: entries are dated by the database, with the moment they are written.
    """
    if day >= clock.local_day(clock.now() - _GRACE, actor.zone):
        raise Refusal("finance.recon.not_over")
    async with transaction():
        for one in await queries.moved(actor, day):
            run = await recon_run(actor, day, one.method)
            if run is None or run.left:
                raise Refusal("finance.recon.not_yet")
        made = await fetch_value(
            """
            INSERT INTO day_close (id, hospital, day, closed_by) VALUES ($1, $2, $3, $4)
            ON CONFLICT (hospital, day) DO NOTHING RETURNING id
            """,
            uuid7(),
            actor.hospital,
            day,
            actor.user,
        )
        if made is not None:
            await record(actor, "day:closed", f"day:{day}")
