"""The only mover of subscriptions: by the machine, by compare-and-set, with one event."""

from typing import Any

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.subscriptions.queries import Subscription
from dusangire.subscriptions.rules import SUBSCRIPTION, SubVerb
from dusangire.subscriptions.tables import Subscription as Row

_PAST = {
    SubVerb.START: "started",
    SubVerb.PAUSE: "paused",
    SubVerb.RESUME: "resumed",
    SubVerb.CHANGE: "changing",
    SubVerb.KEEP: "kept",
    SubVerb.CANCEL: "ending",
    SubVerb.CANCEL_NOW: "ended",
    SubVerb.FALL_DUE: "due",
    SubVerb.LAPSE: "lapsed",
    SubVerb.END: "ended",
    SubVerb.REACTIVATE: "reactivated",
}


async def move(
    actor: Actor, seen: Subscription, verb: SubVerb, values: dict[Any, Any] | None = None, **facts: str | int
) -> None:
    """Move a subscription in the caller's transaction, which keeps its row. Raises Refusal where it has moved on."""
    if seen.state not in SUBSCRIPTION.sources(verb):
        raise Refusal("plans.moved_on", state=Phrase(seen.state.key))
    target = SUBSCRIPTION.after(seen.state, verb)
    moved = (
        await Row.update({Row.state: target.value, Row.state_at: clock.now(), Row.paused_on: None, **(values or {})})
        .where(mine(Row, actor), Row.id == seen.id, Row.state == seen.state.value)
        .returning(Row.id)
    )
    if not moved:
        raise Refusal("plans.moved_on", state=Phrase(seen.state.key))
    await tell(actor, seen, _PAST[verb], **facts)


async def tell(actor: Actor, seen: Subscription, what: str, **facts: str | int) -> None:
    """Record what became of a subscription."""
    await record(actor, f"plan:{what}", seen.about, also=(), **facts)
