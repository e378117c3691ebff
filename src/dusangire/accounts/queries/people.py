"""Reads of the people of one hospital, for those who manage them."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import ROLES, Actor, Can, Role, rights_of
from dusangire.kernel.db import fetch, fetch_one
from dusangire.kernel.errors import NotHere

_PAGE = 100


class Post(Struct, frozen=True):
    """One thing a person is in this hospital, with the single rights it has more or less than the role."""

    id: UUID
    role: Role
    granted: list[str]
    revoked: list[str]

    @property
    def rights(self) -> frozenset[Can]:
        return rights_of(self.role, self.granted, self.revoked)

    def state(self, right: Can) -> str:
        """Return where the right comes from: granted, revoked, role, or none."""
        if right.value in self.revoked:
            return "revoked"
        if right in ROLES[self.role]:
            return "role"
        return "granted" if right.value in self.granted else "none"


class Colleague(Struct, frozen=True):
    """Somebody who is, or was, something in this hospital; `posts` holds what they are now."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    is_disabled: bool
    has_password: bool
    posts: list[Post]


_COLLEAGUE = """
    SELECT u.id, u.name, u.email, u.phone, u.is_disabled, u.password_hash IS NOT NULL AS has_password,
           coalesce(jsonb_agg(jsonb_build_object(
               'id', m.id, 'role', m.role, 'granted', m.granted, 'revoked', m.revoked) ORDER BY m.started_at, m.id)
               FILTER (WHERE m.ended_at IS NULL), '[]') AS posts
    FROM membership m JOIN app_user u ON u.id = m.app_user
"""


async def colleagues(actor: Actor, said: str = "", role: Role | None = None) -> list[Colleague]:
    """Return staff and caregivers by name, at most 100; found by a part of name, e-mail or phone. One statement.

    Patients are found only when their role is asked for: the list is of those who work here.
    """
    return await fetch(
        Colleague,
        f"""
        {_COLLEAGUE}
        WHERE m.hospital = $1
          AND ($2 = '' OR concat_ws(' ', u.name, u.email, u.phone) ILIKE '%' || $2 || '%')
        GROUP BY u.id
        HAVING bool_or(CASE WHEN $3 = '' THEN m.role <> 'patient' ELSE m.role = $3 AND m.ended_at IS NULL END)
        ORDER BY u.name, u.id LIMIT {_PAGE}
        """,
        actor.hospital,
        said.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_"),
        role.value if role else "",
    )


async def colleague(actor: Actor, user: UUID) -> Colleague:
    """Return one person of the actor's hospital. Raises NotHere."""
    found = await fetch_one(
        Colleague,
        f"{_COLLEAGUE} WHERE m.hospital = $1 AND m.app_user = $2 GROUP BY u.id",
        actor.hospital,
        user,
    )
    if found is None:
        raise NotHere
    return found


class RightsKept(Struct, frozen=True):
    granted: list[str]
    revoked: list[str]


async def rights_kept(actor: Actor, membership: UUID) -> RightsKept | None:
    """Return the post's own rights and lock it until the caller's transaction ends."""
    return await fetch_one(
        RightsKept,
        """
        SELECT granted, revoked FROM membership
        WHERE hospital = $1 AND id = $2 AND ended_at IS NULL FOR NO KEY UPDATE
        """,
        actor.hospital,
        membership,
    )
