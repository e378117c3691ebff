"""Signing in and out, passwords, and who is who in a hospital."""

import asyncio
import hmac
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

from dusangire.accounts import queries
from dusangire.accounts.queries import Membership
from dusangire.accounts.rules import (
    LOCKED_MINUTES,
    RESET_MINUTES,
    Failures,
    Lock,
    hours_of,
    identifier,
    lock,
    network,
    password_problem,
)
from dusangire.accounts.tables import AppUser, PasswordReset, Session
from dusangire.accounts.tables import Membership as MembershipRow
from dusangire.kernel import clock, limits
from dusangire.kernel.access import Actor, Role, system
from dusangire.kernel.db import acting_as, execute, fetch_value, transaction
from dusangire.kernel.errors import Busy, NotHere, Refusal
from dusangire.kernel.ids import fingerprint, token, uuid7
from dusangire.kernel.journal import record
from dusangire.kernel.settings import settings

# OWASP's figures for argon2id. Tests and demo data of hundreds of people may ask for a cheaper one, never production.
_HASHER = PasswordHasher(
    time_cost=2,
    memory_cost=64 if os.environ.get("DUSANGIRE_CHEAP_HASHES") and not settings().is_production else 19 * 1024,
    parallelism=1,
)
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="argon2")
_QUEUE_LIMIT = 32
_waiting = 0


class SignedIn(Struct, frozen=True):
    """A new session: the cookie's value, as whom, and where else the person could be."""

    cookie: str
    user: UUID
    membership: Membership
    others: list[Membership]


class Knock(Struct, frozen=True):
    """From where somebody tries to sign in."""

    address: str
    device: str
    browser: str = ""


async def find_actor(cookie: str, *, is_active: bool) -> Actor | None:
    """Return who is behind a session cookie (`<hospital>.<token>`); a use by the person keeps it alive."""
    said, _, secret = cookie.partition(".")
    if not said.isascii() or not said.isdigit() or len(said) > 6 or not secret:
        return None
    hashed = fingerprint(secret)
    with acting_as(system(int(said))):
        found = await queries.actor_of(hashed, int(said))
        if found is None:
            return None
        actor, is_stale = found
        if is_stale and is_active:
            await Session.update({Session.seen_at: clock.now()}).where(Session.token_hash == hashed)
    return actor


async def sign_in(typed: str, password: str, knock: Knock) -> SignedIn:
    """Open a session. Raises Refusal("signin.wrong" | "signin.locked") or Busy; unknown people cost the same time."""
    said = identifier(typed)
    if await limits.knocks("sign-in address", knock.address, 60) > 600:
        raise Busy(30)
    person = await queries.person_by_identifier(said)
    is_known = person is not None and is_known_device(knock.device, person.id)
    here = f"{said}|{device_name(knock.device)}" if is_known else f"{said}|{network(knock.address)}"
    await _refuse_if_locked(said, here, is_known_device=is_known)
    is_right = await verify_secret(person.password_hash if person and not person.is_disabled else None, password)
    memberships = await queries.memberships_everywhere(person.id) if person and is_right else []
    if person is None or not memberships:
        await limits.knocks("sign-in", here, 60)
        if not is_known:
            await limits.knocks("sign-in stranger", said, 60)
        await _refuse_if_locked(said, here, is_known_device=is_known)
        raise Refusal("signin.wrong", status=422)
    await limits.forget("sign-in", here)
    cookie = await open_session(person.id, memberships[0], knock)
    return SignedIn(cookie, person.id, memberships[0], memberships[1:])


async def _refuse_if_locked(said: str, here: str, *, is_known_device: bool) -> None:
    failures = Failures(
        here=await queries.failures("sign-in", here, LOCKED_MINUTES),
        strangers=await queries.failures("sign-in stranger", said, 60),
    )
    if lock(failures, is_known_device=is_known_device) is not Lock.NONE:
        raise Refusal("signin.locked", status=429, min=LOCKED_MINUTES)


async def open_session(user: UUID, membership: Membership, knock: Knock, *, admission: UUID | None = None) -> str:
    """Return the cookie of a new session; the table keeps only its fingerprint."""
    secret, now = token(), clock.now()
    actor = Actor(user, membership.hospital, membership.role, frozenset())
    with acting_as(actor):
        async with transaction():
            await Session.insert(
                Session(
                    token_hash=fingerprint(secret),
                    hospital=membership.hospital,
                    app_user=user,
                    membership=membership.id,
                    admission=admission,
                    device=knock.browser[:120],
                    signed_in_at=now,
                    seen_at=now,
                    ends_at=now + timedelta(hours=hours_of(membership.role)),
                )
            )
            await record(actor, "session:opened", f"user:{user}", network=network(knock.address))
    return f"{membership.hospital}.{secret}"


async def switch(actor: Actor, membership: UUID, knock: Knock) -> str:
    """Work as somebody else one also is; the old session ends, so rights never mix. Raises NotHere."""
    chosen = next((m for m in await queries.memberships_everywhere(actor.user) if m.id == membership), None)
    if chosen is None:
        raise NotHere
    cookie = await open_session(actor.user, chosen, knock)
    await sign_out(actor)
    return cookie


async def sign_out(actor: Actor) -> None:
    async with transaction():
        await Session.delete().where(Session.token_hash == actor.session)
        await record(actor, "session:closed", f"user:{actor.user}", also=[session_bell(actor.session)])


def session_bell(session: bytes) -> str:
    """The bell that ends a session's open streams."""
    return f"session:{session.hex()[:24]}"


async def end_other_sessions(actor: Actor) -> None:
    """Sign the person out everywhere else."""
    async with transaction():
        await Session.delete().where(Session.app_user == actor.user, Session.token_hash != actor.session)
        await record(actor, "session:others_closed", f"user:{actor.user}")


async def end_sessions_of_admission(actor: Actor, admission: UUID) -> None:
    """End what the bed's code had opened. Inside the caller's transaction."""
    await Session.delete().where(Session.hospital == actor.hospital, Session.admission == admission)


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


async def hash_secret(secret: str) -> str:
    """Return the argon2id hash of a password or PIN, made off the event loop."""
    return await _in_thread(_HASHER.hash, secret)


async def verify_secret(hashed: str | None, secret: str) -> bool:
    """Say whether the secret fits; without a hash a dummy one is checked, so that nobody learns who exists."""
    return await _in_thread(_fits, hashed or _dummy_hash(), secret) and hashed is not None


def _fits(hashed: str, secret: str) -> bool:
    try:
        return _HASHER.verify(hashed, secret)
    except (VerificationError, InvalidHashError):
        return False


_dummy = ""


def _dummy_hash() -> str:
    global _dummy
    _dummy = _dummy or _HASHER.hash(token())
    return _dummy


async def _in_thread(work, *arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN202
    """Two hash at a time, 32 wait, the rest are told to come back: hashing must not starve the kitchen."""
    global _waiting
    if _waiting >= _QUEUE_LIMIT:
        raise Busy(3)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work, *arguments)
    finally:
        _waiting -= 1


def device_name(cookie: str) -> str:
    """Return the random name inside a device cookie."""
    return cookie.partition(".")[0][:32]


def is_known_device(cookie: str, user: UUID) -> bool:
    """True when this device once signed this person in: it carries our signature over both."""
    name, *marks = cookie.split(".")
    return any(hmac.compare_digest(mark, _mark(name, user)) for mark in marks[:8])


def device_cookie(cookie: str, user: UUID) -> str:
    """Return the device cookie with this person added; the eight latest are kept."""
    name, *marks = cookie.split(".") if cookie else (token()[:16],)
    mark = _mark(name, user)
    return ".".join([name, mark, *[other for other in marks if other != mark][:7]])


def _mark(name: str, user: UUID) -> str:
    return blake2b(name.encode() + user.bytes, key=settings().derive("device"), digest_size=8).hexdigest()
