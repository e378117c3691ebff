"""Reads of accounts, memberships and sessions, as signing in needs them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from dusangire.accounts.rules import IDLE_MINUTES
from dusangire.kernel.access import Actor, Role, rights_of
from dusangire.kernel.db import door, fetch, fetch_one, fetch_value


class Person(Struct, frozen=True):
    """Somebody with an account, wherever they work or lie."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    password_hash: str | None
    language: str
    is_disabled: bool


class Membership(Struct, frozen=True):
    """What a person is in one hospital."""

    id: UUID
    hospital: int
    hospital_name: str
    role: Role


class _Session(Struct, frozen=True):
    user: UUID
    hospital: int
    role: Role
    granted: list[str]
    revoked: list[str]
    name: str
    language: str
    zone: str
    hospital_name: str
    patient: UUID | None
    admission: UUID | None
    wards: list[UUID]
    is_fresh: bool
    is_stale: bool


class OpenSession(Struct, frozen=True):
    """One place where a person is signed in."""

    token_hash: bytes
    device: str
    signed_in_at: datetime
    seen_at: datetime


async def actor_of(token_hash: bytes, hospital: int) -> tuple[Actor, bool] | None:
    """Return who is behind a session and whether its last use is more than a minute old; None when it has ended.

    The caller acts in `hospital` already: a cookie that names another one finds nothing. One statement.
    """
    row = await fetch_one(
        _Session,
        f"""
        SELECT s.app_user AS "user", s.hospital, m.role, m.granted, m.revoked, u.name, u.language, h.zone,
               h.name AS hospital_name, m.patient, s.admission, m.wards,
               s.signed_in_at > now() - interval '10 min' AS is_fresh,
               s.seen_at < now() - interval '60 s' AS is_stale
        FROM session s
        JOIN membership m ON m.hospital = s.hospital AND m.id = s.membership AND m.ended_at IS NULL
        JOIN app_user u ON u.id = s.app_user AND NOT u.is_disabled
        JOIN hospital h ON h.id = s.hospital
        WHERE s.hospital = $2 AND s.token_hash = $1
          AND s.ends_at > now() AND s.seen_at > now() - interval '{IDLE_MINUTES} min'
        """,  # noqa: S608  a constant of ours
        token_hash,
        hospital,
    )
    if row is None:
        return None
    return (
        Actor(
            user=row.user,
            hospital=row.hospital,
            role=row.role,
            rights=rights_of(row.role, row.granted, row.revoked),
            name=row.name,
            language=row.language,
            zone=row.zone,
            hospital_name=row.hospital_name,
            patient=row.patient,
            admission=row.admission,
            wards=frozenset(row.wards),
            session=token_hash,
            is_fresh=row.is_fresh,
        ),
        row.is_stale,
    )


async def person_by_identifier(said: str) -> Person | None:
    """Return the person with this e-mail or phone number."""
    return await fetch_one(
        Person,
        """
        SELECT id, name, email, phone, password_hash, language, is_disabled
        FROM app_user WHERE email = $1 OR phone = $1
        """,
        said,
    )


async def person(user: UUID) -> Person | None:
    return await fetch_one(
        Person, "SELECT id, name, email, phone, password_hash, language, is_disabled FROM app_user WHERE id = $1", user
    )


async def memberships_everywhere(user: UUID) -> list[Membership]:
    """Return every hospital where the person is somebody: through the sign-in door, latest first."""
    async with door("dus_door"):
        return await fetch(
            Membership,
            """
            SELECT m.id, m.hospital, h.name AS hospital_name, m.role
            FROM membership m JOIN hospital h ON h.id = m.hospital
            WHERE m.app_user = $1 AND m.ended_at IS NULL ORDER BY m.started_at DESC, m.id
            """,
            user,
        )


async def names(actor: Actor, users: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of colleagues and patients of the actor's hospital, by user id."""
    rows = await fetch(
        _Named,
        """
        SELECT DISTINCT u.id, u.name FROM app_user u JOIN membership m ON m.app_user = u.id
        WHERE m.hospital = $1 AND u.id = ANY($2::uuid[])
        """,
        actor.hospital,
        list(users),
    )
    return {row.id: row.name for row in rows}


class _Named(Struct, frozen=True):
    id: UUID
    name: str


async def users_with_role(actor: Actor, role: Role) -> list[UUID]:
    """Return the user ids of everybody with the role in the actor's hospital."""
    rows = await fetch(
        _Named,
        """
        SELECT u.id, u.name FROM app_user u JOIN membership m ON m.app_user = u.id
        WHERE m.hospital = $1 AND m.role = $2 AND m.ended_at IS NULL AND NOT u.is_disabled
        """,
        actor.hospital,
        role.value,
    )
    return [row.id for row in rows]


async def sessions_of(actor: Actor) -> list[OpenSession]:
    """Return where the actor is signed in, latest first."""
    return await fetch(
        OpenSession,
        """
        SELECT token_hash, device, signed_in_at, seen_at FROM session
        WHERE hospital = $1 AND app_user = $2 AND ends_at > now() ORDER BY seen_at DESC
        """,
        actor.hospital,
        actor.user,
    )


async def failures(scope: str, key: str, minutes: int) -> int:
    """Return how often a secret was guessed wrong under this key in the last minutes."""
    said = await fetch_value(
        """
        SELECT coalesce(sum(n), 0) FROM knock
        WHERE scope = $1 AND key = $2 AND window_start > now() - make_interval(mins => $3)
        """,
        scope,
        key,
        minutes,
    )
    return int(said)


class Hospital(Struct, frozen=True):
    """One hospital of this installation."""

    id: int
    code: str
    name: str
    zone: str
    phone: str
    is_demo: bool


async def hospitals() -> list[Hospital]:
    return await fetch(Hospital, "SELECT id, code, name, zone, phone, is_demo FROM hospital ORDER BY id")
