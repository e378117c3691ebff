"""Points: earned by paid meals, spent on a bonus meal, given back, expired. What is owed for them is in the ledger."""

from datetime import date
from uuid import UUID

import msgspec

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments import queries as payment_queries
from dusangire.payments import service as payments
from dusangire.payments.rules import Method, Payer, State
from dusangire.payments.rules.ledger import Account, move
from dusangire.payments.service import Share
from dusangire.subscriptions import queries
from dusangire.subscriptions.rules import LoyaltyRule, Take, loyalty
from dusangire.subscriptions.rules.worth import PlanEntry
from dusangire.subscriptions.service.owning import refuse_sharing
from dusangire.subscriptions.tables import LoyaltyCard, PointLot, PointMove
from dusangire.subscriptions.tables import LoyaltyRule as RuleRow

_BY_A_PERSON = frozenset({Method.CASH, Method.MTN, Method.AIRTEL, Method.BANK, Method.HOSPITAL_ACCOUNT})


async def keep_rule(actor: Actor, rule: LoyaltyRule) -> None:
    """Change the hospital's rule; points already earned keep what they were worth. Raises Refusal."""
    wrong = loyalty.problem(rule)
    if wrong:
        raise Refusal(wrong[1], status=422)
    said = msgspec.structs.asdict(rule)
    async with transaction():
        await RuleRow.insert(
            RuleRow(hospital=actor.hospital, changed_by=actor.user, changed_at=clock.now(), **said)
        ).on_conflict(
            target=RuleRow.hospital,
            action="DO UPDATE",
            values=[getattr(RuleRow, name) for name in (*said, "changed_by", "changed_at")],
        )
        await record(actor, "loyalty:changed", f"loyalty:{actor.hospital}", **said)


async def earn(actor: Actor, owner: UUID, tray: UUID, paid: Money, *, today: date | None = None) -> int:
    """Give points for what a person paid for a tray that was eaten; once for a tray. Return how many."""
    on = today or clock.local_day(clock.now(), actor.zone)
    rule = await queries.loyalty_rule(actor)
    points = loyalty.points_for(rule, paid.minor)
    if not points:
        return 0
    async with transaction():
        await open_card(actor, owner)
        lot = PointLot(
            id=uuid7(), hospital=actor.hospital, owner=owner, tray=tray, points=points, left_points=points,
            point_minor=rule.point_minor, earned_at=clock.now(), expires_on=loyalty.expires_on(on, rule.months),
        )  # fmt: skip
        made = await PointLot.insert(lot).on_conflict(action="DO NOTHING").returning(PointLot.id)
        if not made:
            return 0
        await _change(actor, owner, "earned", points, tray)
        lines = move((Account.LOYALTY_COST, None), (Account.LOYALTY_POINTS, owner), points * rule.point_minor)
        await payments.post(actor, PlanEntry.POINTS, f"points:{owner}", lines, key=f"points:{tray}")
        await record(actor, "points:earned", f"points:{owner}", points=points, tray=str(tray))
    return points


async def earn_for_tray(actor: Actor, owner: UUID | None, tray: UUID) -> int:
    """The same for a tray that was served: for what its eater paid of it, in money or by a plan bought before."""
    shares = [
        one
        for one in await payment_queries.payments_of(actor, tray)
        if one.method in _BY_A_PERSON and one.state in (State.PAID, State.CHARGED)
        and one.payer in (Payer.PATIENT, Payer.STAFF)
    ]  # fmt: skip
    use = await queries.use_of(actor, tray)
    whose = owner or next((one.payer_user for one in await payment_queries.payments_of(actor, tray)), None)
    paid = sum(one.amount_minor - one.refunded_minor for one in shares) + (use.worth_minor if use else 0)
    return 0 if whose is None else await earn(actor, whose, tray, Money(paid))


async def use_bonus(actor: Actor, who: UUID, order: UUID, total: Money) -> Share:
    """Pay a whole tray with a bonus meal, in the transaction that places it.

    who: the patient, or the user of a member of staff. Raises Refusal where the points do not reach, or the tray costs
    more than a bonus meal may; NotHere for points that are neither one's own nor one's patient's.
    """
    await refuse_sharing(actor, who)
    async with transaction():
        await queries.lock_card(actor, who)
        rule = await queries.loyalty_rule(actor)
        if total.minor > rule.bonus_minor:
            raise Refusal("plans.points.too_dear", amount=Money(rule.bonus_minor))
        await _expire(actor, who, clock.local_day(clock.now(), actor.zone))
        if not rule.is_on or not await spend(actor, who, rule.bonus_points):
            card = await queries.card(actor, who)
            raise Refusal("plans.points.too_few", points=card.balance, wanted=rule.bonus_points)
        takes = loyalty.take(await queries.lots(actor, who), rule.bonus_points)
        await _take(actor, takes)
        await _note(actor, who, "spent", -rule.bonus_points, order, *takes)
        # The payment takes the tray's price from what is owed; the points were owed at their own worth.
        owed = sum(take.minor for take in takes) - total.minor
        lines = move((Account.LOYALTY_POINTS, who), (Account.LOYALTY_COST, None), owed)
        await payments.post(actor, PlanEntry.POINTS_SPENT, f"points:{who}", lines, key=f"points_spent:{order}")
        await record(actor, "points:spent", f"points:{who}", points=rule.bonus_points, tray=str(order))
    return Share(Method.POINTS, total, Payer.STAFF if who == actor.user else Payer.PATIENT, source=who)


async def spend(actor: Actor, owner: UUID, points: int) -> bool:
    """Take points off a card in one conditional statement; False where there are not so many."""
    took = await fetch_value(
        """
        UPDATE loyalty_card SET balance = balance - $3
        WHERE hospital = $1 AND owner = $2 AND balance >= $3 RETURNING id
        """,
        actor.hospital,
        owner,
        points,
    )
    return took is not None


async def return_points(actor: Actor, tray: UUID) -> None:
    """Give back the points that paid for a tray that is not served, with the days they had left. Once."""
    found = await queries.spent_on(actor, tray)
    if found is None:
        return
    owner, takes = found
    async with transaction():
        await queries.lock_card(actor, owner)
        if await queries.spent_on(actor, tray) is None:
            return
        for take in takes:
            await execute(
                "UPDATE point_lot SET left_points = left_points + $3 WHERE hospital = $1 AND id = $2",
                actor.hospital,
                take.lot,
                take.points,
            )
        await _change(actor, owner, "returned", sum(take.points for take in takes), tray)
        await payments.reverse_key(actor, f"points_spent:{tray}", reason="returned")
        await record(actor, "points:returned", f"points:{owner}", tray=str(tray))


async def expire_points(actor: Actor, today: date) -> int:
    """Take off every card what is over by today. Return how many cards it was."""
    owners = await queries.due.owners_with_old_points(actor, today)
    for owner in owners:
        async with transaction():
            await queries.lock_card(actor, owner)
            await _expire(actor, owner, today)
    return len(owners)


async def _expire(actor: Actor, owner: UUID, today: date) -> None:
    for lot in await queries.lots(actor, owner, until=today):
        gone = Take(lot.id, lot.left, lot.point_minor)
        await _take(actor, (gone,))
        await spend(actor, owner, gone.points)
        about = uuid7()
        await _note(actor, owner, "expired", -gone.points, about, gone)
        lines = move((Account.LOYALTY_POINTS, owner), (Account.LOYALTY_COST, None), gone.minor)
        await payments.post(actor, PlanEntry.POINTS_EXPIRED, f"points:{owner}", lines, key=f"points_expired:{about}")
        await record(actor, "points:expired", f"points:{owner}", points=gone.points)


async def open_card(actor: Actor, owner: UUID) -> None:
    """Keep somebody's card until the transaction ends; there is one from then on."""
    card = LoyaltyCard(id=uuid7(), hospital=actor.hospital, owner=owner, balance=0)
    await LoyaltyCard.insert(card).on_conflict(action="DO NOTHING")
    await queries.lock_card(actor, owner)


async def _change(actor: Actor, owner: UUID, kind: str, points: int, about: UUID) -> None:
    await LoyaltyCard.update({LoyaltyCard.balance: LoyaltyCard.balance + points}).where(
        mine(LoyaltyCard, actor), LoyaltyCard.owner == owner
    )
    await _note(actor, owner, kind, points, about)


async def _take(actor: Actor, takes: tuple[Take, ...]) -> None:
    for take in takes:
        await execute(
            "UPDATE point_lot SET left_points = left_points - $3 WHERE hospital = $1 AND id = $2",
            actor.hospital,
            take.lot,
            take.points,
        )


async def _note(actor: Actor, owner: UUID, kind: str, points: int, about: UUID, *takes: Take) -> None:
    await PointMove.insert(
        PointMove(
            id=uuid7(), hospital=actor.hospital, owner=owner, kind=kind, points=points, about=about,
            takes=msgspec.json.encode(takes).decode(), at=clock.now(),
        )
    )  # fmt: skip
