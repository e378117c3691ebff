"""Two records of one patient became one: their plans and their points are the kept one's."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.payments import service as payments
from dusangire.payments.rules.ledger import Account, move
from dusangire.subscriptions import queries
from dusangire.subscriptions.rules.worth import PlanEntry
from dusangire.subscriptions.service.loyalty import open_card


async def follow_merged(actor: Actor, about: str) -> None:
    """Let the kept record have the plans and points of those that were merged into it, in the merge's own commit.

    about: "patient:<kept>". What is owed for points stays what it is, and is owed to the kept one. Raises Refusal where
    both run the same plan: one of the two must end first.
    """
    kept = UUID(about.partition(":")[2])
    for gone in await queries.merged_into(actor, kept):
        for owner in sorted((gone.patient, kept)):
            await queries.lock_wallet(actor, owner)
        twice = await queries.same_plan(actor, gone.patient, kept)
        if twice is not None:
            raise Refusal("merge.same_plan", plan=twice)
        await _take_plans(actor, gone, kept)
        await _take_points(actor, gone.patient, kept)


async def _take_plans(actor: Actor, gone: queries.Merged, kept: UUID) -> None:
    await execute(
        """
        UPDATE subscription SET patient = $3, payer_user = CASE payer_user WHEN $4 THEN $5 ELSE payer_user END
        WHERE hospital = $1 AND patient = $2
        """,
        actor.hospital,
        gone.patient,
        kept,
        gone.app_user,
        gone.kept_user,
    )


async def _take_points(actor: Actor, gone: UUID, kept: UUID) -> None:
    """The lots keep their days and their worth; each card's history says where they went."""
    for owner in sorted((gone, kept)):
        await open_card(actor, owner)
    points = (await queries.card(actor, gone)).balance
    owed = sum(lot.left * lot.point_minor for lot in await queries.lots(actor, gone))
    for table in ("point_lot", "point_move"):
        await execute(f"UPDATE {table} SET owner = $3 WHERE hospital = $1 AND owner = $2", actor.hospital, gone, kept)  # noqa: S608  constants
    await execute(
        """
        UPDATE loyalty_card SET balance = CASE owner WHEN $2 THEN 0 ELSE balance + $4 END
        WHERE hospital = $1 AND owner IN ($2, $3)
        """,
        actor.hospital,
        gone,
        kept,
        points,
    )
    lines = move((Account.LOYALTY_POINTS, gone), (Account.LOYALTY_POINTS, kept), owed)
    await payments.post(actor, PlanEntry.POINTS, f"points:{kept}", lines, key=f"points_merged:{gone}:{uuid7()}")
    if points:
        await record(actor, "points:merged", f"points:{kept}", points=points, other=str(gone))
