"""Passwords: forgotten, set anew by mail, changed, and asked for again before a signature."""

from datetime import timedelta
from uuid import UUID

from dusangire.accounts import queries
from dusangire.accounts.rules import LOCKED_MINUTES, RESET_MINUTES, identifier, password_problem
from dusangire.accounts.service.secrets import hash_secret, verify_secret
from dusangire.accounts.tables import AppUser, PasswordReset, Session
from dusangire.kernel import clock, limits
from dusangire.kernel.access import Actor
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import fingerprint, token
from dusangire.kernel.journal import record


async def verify_password(actor: Actor, password: str) -> bool:
    """Say whether this is the actor's own password, as before a signature; wrong ones count towards a lock."""
    here = f"{actor.user}|again"
    if await queries.failures("sign-in", here, LOCKED_MINUTES) >= 5:
        raise Refusal("signin.locked", status=429, min=LOCKED_MINUTES)
    person = await queries.person(actor.user)
    if await verify_secret(person.password_hash if person else None, password):
        return True
    await limits.knocks("sign-in", here, 60)
    return False


async def forget_password(typed: str) -> None:
    """Let a reset mail be sent if there is such a person; the caller learns nothing either way."""
    person = await queries.person_by_identifier(identifier(typed))
    if person is None or person.is_disabled or person.email is None:
        return
    if await limits.knocks("password reset", str(person.id), 3600) > 3:
        return
    memberships = await queries.memberships_everywhere(person.id)
    if memberships:
        actor = Actor(person.id, memberships[0].hospital, memberships[0].role, frozenset())
        with acting_as(actor):
            async with transaction():
                await record(actor, "password:reset_asked", f"user:{person.id}")


async def make_reset(user: UUID) -> str:
    """Return a new reset token, good for 30 minutes and once; earlier ones die. For the job that mails it."""
    secret = token()
    async with transaction():
        await PasswordReset.delete().where(PasswordReset.app_user == user)
        await PasswordReset.insert(
            PasswordReset(
                token_hash=fingerprint(secret), app_user=user, ends_at=clock.now() + timedelta(minutes=RESET_MINUTES)
            )
        )
    return secret


async def reset_password(secret: str, password: str) -> None:
    """Set a new password by a mailed token and end every session. Raises Refusal, NotHere for a dead token."""
    user = await fetch_value(
        "SELECT app_user FROM password_reset WHERE token_hash = $1 AND ends_at > now()", fingerprint(secret)
    )
    person = await queries.person(user) if user else None
    if person is None:
        raise NotHere
    _refuse_weak(password, person.name, person.email or "")
    hashed = await hash_secret(password)
    async with transaction():
        if not await execute(
            "DELETE FROM password_reset WHERE token_hash = $1 AND ends_at > now()", fingerprint(secret)
        ):
            raise NotHere
        await AppUser.update({AppUser.password_hash: hashed}).where(AppUser.id == person.id)
        await Session.delete().where(Session.app_user == person.id)


async def change_password(actor: Actor, old: str, new: str) -> None:
    """Change one's own password; other sessions end. Raises Refusal."""
    if not await verify_password(actor, old):
        raise Refusal("account.password_wrong", status=422)
    _refuse_weak(new, actor.name, "")
    hashed = await hash_secret(new)
    async with transaction():
        await AppUser.update({AppUser.password_hash: hashed}).where(AppUser.id == actor.user)
        await Session.delete().where(Session.app_user == actor.user, Session.token_hash != actor.session)
        await record(actor, "password:changed", f"user:{actor.user}")


def _refuse_weak(password: str, name: str, address: str) -> None:
    problem = password_problem(password, name, address)
    if problem is not None:
        raise Refusal(problem, status=422)
