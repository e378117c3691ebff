"""Telling people: a message is kept in the inbox, and mailed where its reader has an address."""

from uuid import UUID

from dusangire.accounts import queries as accounts
from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.phrase import Phrase
from dusangire.kernel.text import say
from dusangire.notify.tables import Message


async def tell(
    actor: Actor,
    user: UUID,
    *,
    kind: str,
    key: str,
    subject: Phrase,
    body: Phrase,
    about: str = "",
    link: str = "",
    by_mail: bool = False,
) -> bool:
    """Put a message into the person's inbox, and queue a mail; False where the same key was told before.

    Spoken in the reader's language. A mail is queued only for somebody with an address.
    """
    person = await accounts.person(user)
    if person is None:
        return False
    words = [say(person.language, one.key, **one.facts) for one in (subject, body)]
    async with transaction():
        made = await _keep(actor, user, "inbox", kind=kind, key=key, words=words, about=about, link=link)
        if made is None:
            return False
        await record(actor, "message:told", f"message:{made}", also=[inbox_bell(user)])
        if by_mail and person.email:
            mail = await _keep(actor, user, "mail", kind=kind, key=key, words=words, about=about, link=link)
            await record(actor, "message:mail_queued", f"message:{mail}")
    return True


def inbox_bell(user: UUID) -> str:
    return f"inbox:{user}"


async def _keep(
    actor: Actor, user: UUID, channel: str, *, kind: str, key: str, words: list[str], about: str, link: str
) -> UUID | None:
    made = (
        await Message.insert(
            Message(
                id=uuid7(),
                hospital=actor.hospital,
                app_user=user,
                channel=channel,
                kind=kind,
                about=about,
                key=key,
                subject=words[0],
                body=words[1],
                link=link,
                state="queued" if channel == "mail" else "sent",
                created_at=clock.now(),
            )
        )
        .on_conflict(action="DO NOTHING")
        .returning(Message.id)
    )
    return made[0]["id"] if made else None


async def mark_sent(actor: Actor, message: UUID) -> None:
    async with transaction():
        await Message.update({Message.state: "sent", Message.sent_at: clock.now()}).where(
            mine(Message, actor), Message.id == message
        )


async def mark_failed(actor: Actor, message: UUID) -> None:
    async with transaction():
        await Message.update({Message.state: "failed"}).where(mine(Message, actor), Message.id == message)


async def read_all(actor: Actor) -> None:
    """Mark everything in one's own inbox as read."""
    async with transaction():
        await Message.update({Message.read_at: clock.now()}).where(
            mine(Message, actor),
            Message.app_user == actor.user,
            Message.channel == "inbox",
            Message.read_at.is_null(),
        )
