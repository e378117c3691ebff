"""Reads of messages: one's own inbox, and what waits to be mailed."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch, fetch_one, fetch_value

INBOX_SHOWS = 50


class Message(Struct, frozen=True):
    """One message in somebody's inbox, in the words it was sent with."""

    id: UUID
    kind: str
    subject: str
    body: str
    link: str
    created_at: datetime
    read_at: datetime | None


class Outgoing(Struct, frozen=True):
    """One mail to send."""

    id: UUID
    address: str
    name: str
    subject: str
    body: str
    link: str


async def inbox(actor: Actor) -> list[Message]:
    """Return the actor's own latest messages, newest first."""
    return await fetch(
        Message,
        """
        SELECT id, kind, subject, body, link, created_at, read_at FROM message
        WHERE hospital = $1 AND app_user = $2 AND channel = 'inbox' ORDER BY created_at DESC LIMIT $3
        """,
        actor.hospital,
        actor.user,
        INBOX_SHOWS,
    )


async def unread(actor: Actor) -> int:
    """Return how many messages the actor has not read."""
    return int(
        await fetch_value(
            """
            SELECT count(*) FROM message
            WHERE hospital = $1 AND app_user = $2 AND channel = 'inbox' AND read_at IS NULL
            """,
            actor.hospital,
            actor.user,
        )
    )


async def outgoing(actor: Actor, message: UUID) -> Outgoing | None:
    """Return the mail while it still has to be sent and its reader has an address."""
    return await fetch_one(
        Outgoing,
        """
        SELECT m.id, u.email AS address, u.name, m.subject, m.body, m.link
        FROM message m JOIN app_user u ON u.id = m.app_user
        WHERE m.hospital = $1 AND m.id = $2 AND m.channel = 'mail' AND m.state <> 'sent' AND u.email IS NOT NULL
        """,
        actor.hospital,
        message,
    )
