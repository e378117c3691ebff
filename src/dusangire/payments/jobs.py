"""Asking providers, outside any transaction: what is asked is committed before, what is answered after."""

from datetime import timedelta
from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.jobs import chore, job
from dusangire.kernel.journal import Event
from dusangire.kernel.money import Money
from dusangire.kernel.phrase import Named, Phrase
from dusangire.kernel.text import money
from dusangire.notify import service as notify
from dusangire.payments import queries, service
from dusangire.payments.gateways import MoneyGateway, base_url, fiscal, gateway, hooks
from dusangire.payments.queries import Payment, Refund
from dusangire.payments.rules import Method, Purpose, State
from dusangire.payments.rules.asking import GIVEN_UP
from dusangire.payments.rules.providers import (
    Charge,
    FetchAnswer,
    NotFound,
    Provider,
    Reason,
    RefundAnswer,
    RefundWish,
    Rejected,
    StartAnswer,
    Unknown,
)

_MOST_A_ROUND = 200
_KEEP_HOOKS = timedelta(days=30)
_NOTE = "Hospital meals"


@job("ask_provider")
async def ask_provider(actor: Actor, event: Event) -> None:
    """On `payment:created`: send the request, once. What is lost on the way, `poll_payments` finds."""
    await send(actor, _id(event))


@job("ask_refund")
async def ask_refund(actor: Actor, event: Event) -> None:
    """On `refund:created`: ask the provider to give back, once."""
    await send_refund(actor, _id(event))


@job("ask_now")
async def ask_now(actor: Actor, event: Event) -> None:
    """On `payment:news`: ask the provider, whatever the news said."""
    await ask(actor, await queries.payment(actor, _id(event)))


@chore("poll_payments")
async def poll_payments(actor: Actor) -> None:
    """Every five seconds: ask about what is due. News may never come; this is how a payment is settled."""
    for _ in range(_MOST_A_ROUND):
        one = await service.claim_payment(actor, clock.now())
        if one is None:
            break
        await ask(actor, one)
    for _ in range(_MOST_A_ROUND):
        back = await service.claim_refund(actor, clock.now())
        if back is None:
            break
        await ask_back(actor, back)


@chore("watch_providers")
async def watch_providers(actor: Actor) -> None:
    """Each half minute: see whether a provider that was down answers again."""
    for one in await queries.providers(actor):
        address = base_url(one.provider)
        if not one.is_up and address and await gateway(one.provider).alive(address):
            await service.note_provider(actor, one.provider, clock.now(), is_well=True)


@chore("forget_hooks")
async def forget_hooks(actor: Actor) -> None:
    """Each day: let go of old news."""
    await service.forget_hooks(actor, clock.now() - _KEEP_HOOKS)


@job("queue_fiscal", can_wait=True)
async def queue_fiscal(actor: Actor, event: Event) -> None:
    """On `payment:paid` and `payment:charged`: queue the fiscal receipt."""
    await service.queue_sale(actor, _id(event))


@job("queue_fiscal_back", can_wait=True)
async def queue_fiscal_back(actor: Actor, event: Event) -> None:
    """On `refund:paid`, and on `payment:cancelled` of what was charged: queue the receipt that takes it back."""
    if event.kind == "refund:paid":
        await service.queue_refund(actor, _id(event))
    else:
        await service.queue_cancelled(actor, _id(event))


@chore("sign_receipts")
async def sign_receipts(actor: Actor) -> None:
    """Every five seconds: let the authority sign what is queued, one by one, until it does not answer."""
    at = fiscal()
    for _ in range(_MOST_A_ROUND if at else 0):
        one = await service.claim_receipt(actor, clock.now())
        if one is None or at is None:
            return
        if not await service.signed(actor, one, await at.sign(one.sale(actor.zone)), clock.now()):
            return


async def send(actor: Actor, payment_id: UUID) -> None:
    """Send a request that nobody has sent: the mark is committed first, so no second one is ever sent blindly."""
    one = await queries.payment(actor, payment_id)
    if not one.method.is_mobile or one.state is not State.CREATED or one.sent_at is not None:
        return
    now = clock.now()
    if one.expires_at is not None and one.expires_at <= now:
        await service.expire_unsent(actor, payment_id)
        return
    provider = Provider(one.method.value)
    marked = await service.mark_sent(actor, payment_id, one.base_url or base_url(provider), now)
    if marked is not None:
        answer = await gateway(provider).start(_charge(marked))
        await service.started(actor, payment_id, answer, clock.now())
        await _note(actor, provider, answer)


async def ask(actor: Actor, one: Payment) -> None:
    """Ask what became of a payment; one that the provider never had is sent once more under the same reference."""
    if one.sent_at is None:
        await send(actor, one.id)
        return
    provider = Provider(one.method.value)
    at = gateway(provider)
    answer: FetchAnswer = await at.fetch(one.reference, one.base_url or "")
    if isinstance(answer, NotFound) and await service.may_send_again(actor, one.id, clock.now()):
        await service.started(actor, one.id, await at.start(_charge(one)), clock.now())
    else:
        await service.confirm(actor, one.id, answer, clock.now())
    await _note(actor, provider, answer)


async def send_refund(actor: Actor, refund_id: UUID) -> None:
    """Ask for a refund that nobody has asked for; the mark is committed first."""
    one = await service.mark_refund_sent(actor, refund_id, clock.now())
    if one is not None:
        await _hear(actor, one, await _gate(one).refund(_wish(one)))


async def ask_back(actor: Actor, one: Refund) -> None:
    """Ask what became of a refund; one that the provider never had is sent once more under the same reference."""
    if one.sent_at is None:
        await send_refund(actor, one.id)
        return
    answer: FetchAnswer | RefundAnswer = await _gate(one).fetch_refund(_wish(one))
    if isinstance(answer, NotFound):
        answer = await _gate(one).refund(_wish(one))
    await _hear(actor, one, answer)


async def _hear(actor: Actor, one: Refund, answer: FetchAnswer | RefundAnswer) -> None:
    await service.confirm_refund(actor, one.id, answer, clock.now())
    await _note(actor, Provider(one.method.value), answer)


async def _note(actor: Actor, provider: Provider, answer: StartAnswer | FetchAnswer | RefundAnswer) -> None:
    is_silent = isinstance(answer, Unknown) or (isinstance(answer, Rejected) and answer.reason is Reason.PROVIDER_DOWN)
    said = answer.said if isinstance(answer, Unknown | Rejected) else ""
    await service.note_provider(actor, provider, clock.now(), is_well=not is_silent, said=said)


def _gate(one: Refund) -> MoneyGateway:
    return gateway(Provider(one.method.value))


def _charge(one: Payment) -> Charge:
    return Charge(
        reference=one.reference,
        amount=one.amount,
        phone=one.phone or "",
        note=_NOTE,
        base_url=one.base_url or "",
        hook_url=hooks.mtn_hook_url(one.id) if one.method is Method.MTN else hooks.airtel_hook_url(),
    )


def _wish(one: Refund) -> RefundWish:
    return RefundWish(
        reference=one.reference,
        of_reference=one.of_reference,
        of_provider_ref=one.of_provider_ref or "",
        amount=one.amount,
        captured=one.captured,
        phone=one.phone or "",
        base_url=one.base_url or "",
    )


def _id(event: Event) -> UUID:
    return UUID(event.about.partition(":")[2])


@job("tell_of_payment", can_wait=True)
async def tell_of_payment(actor: Actor, event: Event) -> None:
    """On `payment:…` and `refund:…`: tell the person who pays, and finance of what somebody must look at. Once."""
    thing, word = event.kind.split(":")
    facts: dict[str, Phrase | Named | str | int] = {
        "amount": money(Money(int(event.facts["amount"]))),
        "method": Phrase(f"payment.{event.facts['method']}"),
    }
    payer, is_for_finance = await _concerned(actor, event)
    if payer is not None and event.kind in _FOR_PAYER:
        await _tell(actor, payer, event, Phrase(f"payments.told.{thing}_{word}", facts), _link(event))
    if is_for_finance:
        for user in await accounts.users_with_role(actor, Role.FINANCE):
            await _tell(actor, user, event, Phrase(f"payments.told.finance.{thing}_{word}", facts), "/admin/finance")


@job("tell_of_provider")
async def tell_of_provider(actor: Actor, event: Event) -> None:
    """On `provider:down` and `provider:up`: tell administrators and finance, once per outage."""
    word = event.kind.partition(":")[2]
    provider = event.about.partition(":")[2]
    facts: dict[str, Phrase | Named | str | int] = {"provider": Phrase(f"payment.{provider}")}
    for role in (Role.ADMIN, Role.FINANCE):
        for user in await accounts.users_with_role(actor, role):
            await _tell(actor, user, event, Phrase(f"payments.told.provider_{word}", facts), "/admin/finance")


async def _concerned(actor: Actor, event: Event) -> tuple[UUID | None, bool]:
    """Return who pays, and whether finance has to look at it: of what expired, only at what was given up."""
    if event.kind.startswith("refund:"):
        return (await queries.refund(actor, _id(event))).payer_user, event.kind in _FOR_FINANCE
    one = await queries.payment(actor, _id(event))
    given_up = event.kind == "payment:expired" and one.reason == GIVEN_UP
    return one.payer_user, given_up or event.kind in _FOR_FINANCE


async def _tell(actor: Actor, user: UUID, event: Event, body: Phrase, link: str) -> None:
    subject = Phrase(f"payments.subject.{event.kind.replace(':', '_')}")
    key = f"{event.kind}:{event.id}:{user}"
    await notify.tell(actor, user, kind=event.kind, key=key, subject=subject, body=body, about=event.about, link=link)


def _link(event: Event) -> str:
    is_order = event.facts.get("purpose") == Purpose.ORDER.value
    return f"/orders/{event.facts['subject']}" if is_order else ""


_FOR_PAYER = frozenset({
    "payment:paid", "payment:failed", "payment:expired", "payment:unknown", "payment:late", "refund:paid",
})  # fmt: skip
_FOR_FINANCE = frozenset({"payment:quarantined", "refund:failed", "refund:unknown"})
