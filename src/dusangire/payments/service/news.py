"""The events of payments and refunds: what happened, and whose bells it rings."""

from uuid import UUID

from dusangire.kernel.access import Actor
from dusangire.kernel.journal import record
from dusangire.payments.queries import Payment, Refund
from dusangire.payments.rules import Method, Purpose, RefundState, State


async def tell_payment(actor: Actor, one: Payment, state: State) -> None:
    """Record what a payment is now."""
    await record(
        actor,
        f"payment:{state}",
        one.about,
        also=[f"{one.purpose}:{one.subject}"],
        **_facts(one.purpose, one.subject, one.method, one.amount_minor),
        payer=one.payer.value,
    )


async def tell_refund(actor: Actor, one: Refund, state: RefundState) -> None:
    """Record what a refund is now."""
    await record(
        actor,
        f"refund:{state}",
        one.about,
        also=[f"{one.purpose}:{one.subject}"],
        **_facts(one.purpose, one.subject, one.method, one.amount_minor),
        payment=str(one.payment),
        why=one.kind.value,
    )


async def tell_returned(actor: Actor, one: Refund) -> None:
    """Record that an allowance, points or a fund get back what they paid; they hear it within this commit."""
    await record(
        actor,
        "payment:returned",
        f"payment:{one.payment}",
        also=[f"{one.purpose}:{one.subject}"],
        **_facts(one.purpose, one.subject, one.method, one.amount_minor),
        refund=str(one.id),
        source=str(one.source or ""),
    )


def _facts(purpose: Purpose, subject: UUID, method: Method, amount_minor: int) -> dict[str, str | int]:
    return {"purpose": purpose.value, "subject": str(subject), "method": method.value, "amount": amount_minor}
