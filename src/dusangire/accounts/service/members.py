"""What people are in a hospital: accounts of patients, memberships begun and ended."""

from datetime import datetime
from uuid import UUID

from dusangire.accounts import queries
from dusangire.accounts.tables import AppUser, Session
from dusangire.accounts.tables import Membership as MembershipRow
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Role
from dusangire.kernel.errors import NotHere
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record


async def person_for_patient(actor: Actor, *, name: str, phone: str | None, language: str) -> UUID:
    """Return a new account for a patient: no password, opened from the bed by PIN. Inside the caller's transaction."""
    user = uuid7()
    taken = phone is not None and await queries.person_by_identifier(phone) is not None
    await AppUser.insert(
        AppUser(id=user, name=name, phone=None if taken else phone, language=language, created_at=clock.now())
    )
    return user


async def add_membership(
    actor: Actor, user: UUID, role: Role, *, patient: UUID | None = None, wards: list[UUID] | None = None
) -> UUID:
    """Make the person somebody in the actor's hospital. Inside the caller's transaction."""
    made = uuid7()
    await MembershipRow.insert(
        MembershipRow(
            id=made, hospital=actor.hospital, app_user=user, role=role.value, patient=patient, wards=wards or []
        )
    )
    await record(actor, "membership:added", f"user:{user}", role=role.value)
    return made


async def end_membership(actor: Actor, membership: UUID, *, at: datetime) -> None:
    """End what a person is here; their next request is refused. Inside the caller's transaction."""
    ended = (
        await MembershipRow.update({MembershipRow.ended_at: at})
        .where(
            MembershipRow.hospital == actor.hospital,
            MembershipRow.id == membership,
            MembershipRow.ended_at.is_null(),
        )
        .returning(MembershipRow.app_user)
    )
    if not ended:
        raise NotHere
    await Session.delete().where(Session.membership == membership)
    await record(actor, "membership:ended", f"user:{ended[0]['app_user']}")
