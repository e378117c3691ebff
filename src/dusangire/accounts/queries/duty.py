"""Reads of who looks after a ward: the people an alert must reach."""

from collections.abc import Iterable
from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor, Role
from dusangire.kernel.db import fetch


class _User(Struct, frozen=True):
    id: UUID


async def on_ward(actor: Actor, ward: UUID | None, roles: Iterable[Role]) -> list[UUID]:
    """Return the users with one of these roles who look after the ward; who has no wards of their own has them all."""
    rows = await fetch(
        _User,
        """
        SELECT DISTINCT u.id FROM app_user u JOIN membership m ON m.app_user = u.id
        WHERE m.hospital = $1 AND m.role = ANY($2::text[]) AND m.ended_at IS NULL AND NOT u.is_disabled
          AND (m.wards = '{}' OR $3::uuid = ANY(m.wards))
        ORDER BY u.id
        """,
        actor.hospital,
        [role.value for role in roles],
        ward,
    )
    return [row.id for row in rows]
