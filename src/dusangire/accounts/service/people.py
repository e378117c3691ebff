"""Managing the people of a hospital: who works here, as what, and with which single rights more or less.

Nobody changes their own standing, nobody gives a right they do not hold, and all of it is in the journal.
"""

from uuid import UUID

from dusangire.accounts import queries
from dusangire.accounts.queries import Colleague, Post
from dusangire.accounts.rules import (
    STAFF,
    RightVerb,
    email_problem,
    identifier,
    may_give,
    may_manage,
    phone_problem,
    rights_after,
)
from dusangire.accounts.service.members import add_membership, end_membership
from dusangire.accounts.tables import AppUser, Session
from dusangire.accounts.tables import Membership as MembershipRow
from dusangire.kernel import clock
from dusangire.kernel.access import Actor, Can, Role
from dusangire.kernel.db import transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record


async def create_person(
    actor: Actor, *, name: str, email: str | None, phone: str | None, role: Role, language: str
) -> UUID:
    """Return the new colleague; a link to choose a password goes to their e-mail address.

    Raises Refusal: people.contact_needed, people.email_bad, people.phone_bad, people.taken, people.role_above.
    """
    address, number = _addresses(email, phone)
    _refuse_role(actor, role)
    for said in filter(None, (address, number)):
        if await queries.person_by_identifier(said) is not None:
            raise Refusal("people.taken", status=422, value=said)
    user = uuid7()
    async with transaction():
        await AppUser.insert(
            AppUser(id=user, name=name, email=address, phone=number, language=language, created_at=clock.now())
        )
        await record(actor, "user:created", f"user:{user}")
        await add_membership(actor, user, role)
        if address:
            await record(actor, "password:reset_asked", f"user:{user}", is_invitation=True)
    return user


def _addresses(email: str | None, phone: str | None) -> tuple[str | None, str | None]:
    """Return both as the account keeps them."""
    address = identifier(email) if email else None
    number = identifier(phone) if phone else None
    if not address and not number:
        raise Refusal("people.contact_needed", status=422)
    for problem in (email_problem(address) if address else None, phone_problem(number) if number else None):
        if problem:
            raise Refusal(problem, status=422)
    return address, number


async def invite(actor: Actor, user: UUID) -> None:
    """Send the link to choose a password once more. Raises NotHere, Refusal."""
    person = await _someone_below(actor, user)
    if person.email is None:
        raise Refusal("people.no_email")
    if person.is_disabled:
        raise Refusal("people.is_disabled")
    async with transaction():
        await record(actor, "password:reset_asked", f"user:{user}", is_invitation=True)


async def give_email(actor: Actor, user: UUID, email: str) -> None:
    """Write down the e-mail of somebody who has none and has never had a password, and invite them.

    Later the address is the person's own affair: whoever may change it could sign in as them.
    """
    person = await _someone_below(actor, user)
    address, _ = _addresses(email, None)
    if person.email is not None or person.has_password or not any(post.role in STAFF for post in person.posts):
        raise Refusal("people.email_theirs")
    if address is None or await queries.person_by_identifier(address) is not None:
        raise Refusal("people.taken", status=422, value=email)
    async with transaction():
        await AppUser.update({AppUser.email: address}).where(AppUser.id == user, AppUser.email.is_null())
        await record(actor, "user:email_given", f"user:{user}")
        await record(actor, "password:reset_asked", f"user:{user}", is_invitation=True)


async def disable(actor: Actor, user: UUID) -> None:
    """Close the account; every session ends in the same commit. Raises NotHere, Refusal."""
    await _someone_below(actor, user)
    await _refuse_elsewhere(actor, user)
    async with transaction():
        await AppUser.update({AppUser.is_disabled: True}).where(AppUser.id == user)
        await Session.delete().where(Session.app_user == user)
        await record(actor, "user:disabled", f"user:{user}")


async def enable(actor: Actor, user: UUID) -> None:
    """Open the account again. Raises NotHere, Refusal."""
    await _someone_below(actor, user)
    await _refuse_elsewhere(actor, user)
    async with transaction():
        await AppUser.update({AppUser.is_disabled: False}).where(AppUser.id == user)
        await record(actor, "user:enabled", f"user:{user}")


async def _refuse_elsewhere(actor: Actor, user: UUID) -> None:
    """An account that another hospital uses too is not one administrator's to close."""
    everywhere = await queries.memberships_everywhere(user)
    if actor.role is not Role.SUPER_ADMIN and any(one.hospital != actor.hospital for one in everywhere):
        raise Refusal("people.elsewhere", status=403)


async def add_role(actor: Actor, user: UUID, role: Role) -> None:
    """Let the person work as this too. Raises NotHere, Refusal."""
    person = await _someone_below(actor, user)
    _refuse_role(actor, role)
    if any(post.role is role for post in person.posts):
        raise Refusal("people.has_role")
    async with transaction():
        await add_membership(actor, user, role)


async def end_role(actor: Actor, user: UUID, membership: UUID) -> None:
    """The person is this no more; what they had open as it ends now. Raises NotHere, Refusal."""
    post = _post_of(await _someone_below(actor, user), membership)
    if post.role is Role.PATIENT:
        raise Refusal("people.patient_role", status=403)
    async with transaction():
        await end_membership(actor, membership, at=clock.now())


async def change_right(actor: Actor, user: UUID, membership: UUID, right: Can, verb: RightVerb) -> None:
    """Grant, revoke or reset one right of one post, from the next request on. Raises NotHere, Refusal."""
    post = _post_of(await _someone_below(actor, user), membership)
    if post.role not in STAFF:
        raise Refusal("people.patient_role", status=403)
    if verb is RightVerb.GRANT and right not in actor.rights:
        raise Refusal("people.right_not_held", status=403)
    async with transaction():
        kept = await queries.rights_kept(actor, membership)
        if kept is None:
            raise NotHere
        granted, revoked = rights_after(post.role, kept.granted, kept.revoked, right, verb)
        await MembershipRow.update({MembershipRow.granted: granted, MembershipRow.revoked: revoked}).where(
            MembershipRow.hospital == actor.hospital, MembershipRow.id == membership
        )
        await record(actor, f"right:{verb.past}", f"user:{user}", right=right.value, role=post.role.value)


def _refuse_role(actor: Actor, role: Role) -> None:
    if not may_give(actor.role, role):
        raise Refusal("people.role_above", status=403)


async def _someone_below(actor: Actor, user: UUID) -> Colleague:
    """Return the person if the actor may change their standing. Raises NotHere, Refusal."""
    person = await queries.colleague(actor, user)
    if user == actor.user:
        raise Refusal("people.not_yourself", status=403)
    if not may_manage(actor.role, [post.role for post in person.posts]):
        raise Refusal("people.person_above", status=403)
    return person


def _post_of(person: Colleague, membership: UUID) -> Post:
    found = next((post for post in person.posts if post.id == membership), None)
    if found is None:
        raise NotHere
    return found
