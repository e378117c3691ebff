"""Who else pays a meal: the rules of a payer class, and the shares they make of what is to be paid."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from msgspec import Struct

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_value, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.money import Money, total
from dusangire.payments.queries import payers as queries
from dusangire.payments.queries.funds import fund as fund_of
from dusangire.payments.queries.payers import Insured
from dusangire.payments.rules import Method, Payer, Purpose
from dusangire.payments.rules.funds import Meal
from dusangire.payments.rules.payers import rule_for, split
from dusangire.payments.service import funds
from dusangire.payments.service.intents import Share, open_payment
from dusangire.payments.tables import InsuredTray, PayerRule
from dusangire.wards import queries as wards
from dusangire.wards.rules import PayerClass


class NewRule(Struct, frozen=True):
    """Whose share is how many percent. Empty periods or weekdays mean all; fund: whose the sponsor's share is."""

    payer_class: PayerClass
    patient_percent: int
    hospital_percent: int
    insurer_percent: int
    sponsor_percent: int
    begins_on: date
    fund: UUID | None = None
    periods: tuple[str, ...] = ()
    weekdays: tuple[int, ...] = ()


async def divide(actor: Actor, admission: UUID, rest: Money, *, order: UUID, day: date, period: str) -> list[Share]:
    """Return the shares of a meal that others than the patient pay, in the caller's transaction; [] for most.

    What they leave of the rest is the patient's. What a sponsor's fund no longer has, the hospital pays: the rule is
    its promise. The order's row may be written later in the transaction.
    """
    insured = await queries.insured(actor, admission)
    rule = rule_for(await queries.payer_rules(actor, insured.payer_class), insured.payer_class, day, period)
    if rule is None or not rest:
        return []
    parts = split(rest, rule.percents())
    shares = []
    if rule.fund is not None and parts[Payer.SPONSOR]:
        person = await wards.person(actor, insured.patient)
        meal = Meal(order, insured.patient, person.ward, day, period)
        given = await funds.claim(actor, rule.fund, meal, parts[Payer.SPONSOR])
        shares += [given] if given else []
        parts[Payer.HOSPITAL] += parts[Payer.SPONSOR] - (given.amount if given else Money(0))
    if parts[Payer.HOSPITAL]:
        shares.append(Share(Method.HOSPITAL, parts[Payer.HOSPITAL], Payer.HOSPITAL))
    if parts[Payer.INSURER]:
        await _keep_insured(actor, order, insured)
        shares.append(Share(Method.INSURER, parts[Payer.INSURER], Payer.INSURER))
    return shares


async def issue_invoice(actor: Actor, month: date, payer_class: str, insurer: str) -> UUID:
    """Issue an insurer's invoice of a month that is over, once; return its payment, a transfer that is waited for.

    Raises Refusal before the month is over, where nothing is owed, and where it was issued before.
    """
    first, after = month.replace(day=1), (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    if clock.local_day(clock.now(), actor.zone) < after:
        raise Refusal("payer.month_not_over")
    async with transaction():
        lines = await queries.insured_trays(actor, first, after, payer_class, insurer)
        owed = total([line.amount for line in lines])
        if not owed:
            raise Refusal("payer.nothing_owed")
        made = await fetch_value(
            """
            INSERT INTO insurer_invoice (id, hospital, payer_class, insurer, month, trays, amount_minor, issued_by)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id
            """,
            uuid7(), actor.hospital, payer_class, insurer, first, len(lines), owed.minor, actor.user,
        )  # fmt: skip
        if made is None:
            raise Refusal("payer.issued_before")
        await record(actor, "insurer:invoiced", f"insurer:{made}", amount=owed.minor, month=f"{first:%Y-%m}")
        return await open_payment(actor, Purpose.INSURER, made, Share(Method.BANK, owed, Payer.INSURER))


async def add_rule(actor: Actor, wanted: NewRule) -> UUID:
    """Let a rule begin; one of the same class, meals and days ends. Raises Refusal, NotHere for a strange fund."""
    whole = wanted.patient_percent + wanted.hospital_percent + wanted.insurer_percent + wanted.sponsor_percent
    if whole != 100:
        raise Refusal("payer.not_a_hundred", status=422, sum=whole)
    if (wanted.fund is None) != (wanted.sponsor_percent == 0):
        raise Refusal("payer.which_fund", status=422)
    if wanted.fund is not None:
        await fund_of(actor, wanted.fund)
    made = uuid7()
    async with transaction():
        for rule in await queries.payer_rules(actor, wanted.payer_class.value):
            if rule.periods == wanted.periods and rule.weekdays == wanted.weekdays:
                await end_rule(actor, rule.id)
        await PayerRule.insert(
            PayerRule(
                id=made, hospital=actor.hospital, payer_class=wanted.payer_class.value, periods=list(wanted.periods),
                weekdays=list(wanted.weekdays), patient_percent=wanted.patient_percent,
                hospital_percent=wanted.hospital_percent, insurer_percent=wanted.insurer_percent,
                sponsor_percent=wanted.sponsor_percent, fund=wanted.fund, begins_on=wanted.begins_on,
                made_by=actor.user, made_at=clock.now(),
            )
        )  # fmt: skip
        await record(actor, "payer_rule:made", f"payer_rule:{made}", payer=wanted.payer_class.value)
    return made


async def end_rule(actor: Actor, rule_id: UUID) -> None:
    """End a rule: meals ordered from now on follow another one, or are the patient's. Raises NotHere."""
    async with transaction():
        values: dict[Any, Any] = {PayerRule.ended_at: clock.now(), PayerRule.ended_by: actor.user}
        if (
            not await PayerRule.update(values)
            .where(mine(PayerRule, actor), PayerRule.id == rule_id, PayerRule.ended_at.is_null())
            .returning(PayerRule.id)
        ):
            raise NotHere
        await record(actor, "payer_rule:ended", f"payer_rule:{rule_id}")


async def _keep_insured(actor: Actor, order: UUID, insured: Insured) -> None:
    """Keep how the patient was insured when the tray was ordered: the class may be corrected later."""
    await InsuredTray.insert(
        InsuredTray(
            id=uuid7(), hospital=actor.hospital, meal_order=order, payer_class=insured.payer_class,
            insurer=insured.insurer, insurance_no=insured.insurance_no,
        )
    )  # fmt: skip
