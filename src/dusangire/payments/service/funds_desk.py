"""The finance office's side of a fund: made, changed, stopped, and every gift posted to the ledger."""

from datetime import date
from typing import Any
from uuid import UUID

from asyncpg import UniqueViolationError
from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, fetch_value, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import short_code, uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money
from dusangire.payments.queries import funds as queries
from dusangire.payments.rules.funds import CameBy, Limits
from dusangire.payments.rules.ledger import Account, EntryKind
from dusangire.payments.service.ledger import post, reverse_key
from dusangire.payments.tables import Fund, Gift
from dusangire.wards import queries as wards

_INTO = {
    CameBy.CASH: Account.CASH_SAFE,
    CameBy.BANK: Account.BANK,
    CameBy.MTN: Account.MTN_CLEARING,
    CameBy.AIRTEL: Account.AIRTEL_CLEARING,
}


class NewGift(Struct, frozen=True):
    """Money that came for a fund. key: minted with the page, so that a second tap is the same gift."""

    key: str
    amount: Money
    came_by: CameBy
    received_on: date
    reference: str = ""


async def make(actor: Actor, wanted: Limits) -> UUID:
    """Make a fund, with nothing in it. Raises Refusal where another open fund has the name."""
    made = uuid7()
    await _refuse_strange_wards(actor, wanted)
    try:
        async with transaction():
            await Fund.insert(
                Fund(id=made, hospital=actor.hospital, made_by=actor.user, made_at=clock.now(), **wanted.columns())
            )
            await record(actor, "fund:made", f"fund:{made}", name=wanted.name)
    except UniqueViolationError:
        raise Refusal("fund.name_taken", status=422) from None
    return made


async def change(actor: Actor, fund_id: UUID, wanted: Limits) -> None:
    """Change what a fund is for and how far it goes; what it gave already stays. Raises NotHere, Refusal."""
    await _refuse_strange_wards(actor, wanted)
    try:
        async with transaction():
            values: dict[Any, Any] = {getattr(Fund, name): value for name, value in wanted.columns().items()}
            changed = await Fund.update(values).where(_open(actor, fund_id)).returning(Fund.id)
            if not changed:
                raise NotHere
            await record(actor, "fund:changed", f"fund:{fund_id}", name=wanted.name)
    except UniqueViolationError:
        raise Refusal("fund.name_taken", status=422) from None


async def stop(actor: Actor, fund_id: UUID) -> None:
    """Stop a fund: it gives nothing more. Trays it pays for stay paid; what comes back stays in it. Raises NotHere."""
    async with transaction():
        values: dict[Any, Any] = {Fund.stopped_at: clock.now(), Fund.stopped_by: actor.user}
        if not await Fund.update(values).where(_open(actor, fund_id)).returning(Fund.id):
            raise NotHere
        await record(actor, "fund:stopped", f"fund:{fund_id}")


async def receive(actor: Actor, fund_id: UUID, wanted: NewGift) -> UUID:
    """Record a gift, post it and let the fund give it; return it. The same key gives the same gift.

    Raises NotHere for a fund that is stopped, Refusal for a transfer without its reference, or recorded before.
    """
    if wanted.came_by is not CameBy.CASH and not wanted.reference:
        raise Refusal("fund.gift_needs_reference", status=422)
    try:
        async with transaction():
            return await _receive(actor, fund_id, wanted)
    except UniqueViolationError:
        raise Refusal("fund.gift_known", status=422) from None


async def undo(actor: Actor, gift_id: UUID, why: str) -> None:
    """Take back a gift recorded by mistake: its mirror entry, and less in the fund. Raises Refusal, NotHere."""
    if not why.strip():
        raise Refusal("fund.undo_needs_why", status=422)
    gift = await queries.gift(actor, gift_id)
    async with transaction():
        taken = await execute(
            "UPDATE fund SET left_minor = left_minor - $3 WHERE hospital = $1 AND id = $2 AND left_minor >= $3",
            actor.hospital,
            gift.fund,
            gift.amount_minor,
        )
        if not taken:
            raise Refusal("fund.gift_spent")
        values: dict[Any, Any] = {Gift.undone_at: clock.now(), Gift.undone_by: actor.user, Gift.undone_why: why}
        if (
            not await Gift.update(values)
            .where(mine(Gift, actor), Gift.id == gift_id, Gift.undone_at.is_null())
            .returning(Gift.id)
        ):
            raise Refusal("fund.gift_undone")
        await reverse_key(actor, f"gift:{gift_id}", reason=why)
        await record(actor, "gift:undone", f"gift:{gift_id}", fund=str(gift.fund), amount=gift.amount_minor)


async def _receive(actor: Actor, fund_id: UUID, wanted: NewGift) -> UUID:
    """The fund's row is locked first, so that a second tap waits and finds what the first one wrote."""
    if not await execute(
        "UPDATE fund SET left_minor = left_minor WHERE hospital = $1 AND id = $2 AND stopped_at IS NULL",
        actor.hospital,
        fund_id,
    ):
        raise NotHere
    known = await fetch_value("SELECT id FROM gift WHERE hospital = $1 AND key = $2", actor.hospital, wanted.key)
    if known is not None:
        return UUID(str(known))
    made, amount = uuid7(), wanted.amount.minor
    await Gift.insert(
        Gift(
            id=made, hospital=actor.hospital, fund=fund_id, key=wanted.key, number=f"G-{short_code(7)}",
            amount_minor=amount, came_by=wanted.came_by.value, reference=wanted.reference,
            received_on=wanted.received_on, recorded_by=actor.user, recorded_at=clock.now(),
        )
    )  # fmt: skip
    await Fund.update({Fund.left_minor: Fund.left_minor + amount}).where(mine(Fund, actor), Fund.id == fund_id)
    lines = [(_INTO[wanted.came_by], None, amount), (Account.SPONSOR_FUND, fund_id, -amount)]
    await post(actor, EntryKind.FUND, f"gift:{made}", lines, key=f"gift:{made}")
    await record(actor, "gift:received", f"gift:{made}", fund=str(fund_id), amount=amount, by=wanted.came_by.value)
    return made


async def _refuse_strange_wards(actor: Actor, wanted: Limits) -> None:
    """A fund may name wards of this hospital only."""
    known = {one.id for one in await wards.wards(actor)}
    if not set(wanted.wards) <= known:
        raise NotHere


def _open(actor: Actor, fund_id: UUID) -> Any:
    return mine(Fund, actor) & (Fund.id == fund_id) & Fund.stopped_at.is_null()
