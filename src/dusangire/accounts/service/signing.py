"""Signing in and out, and the sessions in between."""

from datetime import timedelta
from uuid import UUID

from msgspec import Struct

from dusangire.accounts import queries
from dusangire.accounts.queries import Membership
from dusangire.accounts.rules import LOCKED_MINUTES, Failures, Lock, hours_of, identifier, lock, network
from dusangire.accounts.service.secrets import device_name, is_known_device, verify_secret
from dusangire.accounts.tables import Session
from dusangire.kernel import clock, limits
from dusangire.kernel.access import Actor, system
from dusangire.kernel.db import acting_as, transaction
from dusangire.kernel.errors import Busy, NotHere, Refusal
from dusangire.kernel.ids import fingerprint, token
from dusangire.kernel.journal import record


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
            await record(actor, "session:opened", f"person:{user}", network=network(knock.address))
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
        await record(actor, "session:closed", f"person:{actor.user}", also=[actor.session_bell])


async def end_other_sessions(actor: Actor) -> None:
    """Sign the person out everywhere else."""
    async with transaction():
        await Session.delete().where(Session.app_user == actor.user, Session.token_hash != actor.session)
        await record(actor, "session:others_closed", f"person:{actor.user}")


async def end_sessions_of_admission(actor: Actor, admission: UUID) -> None:
    """End what the bed's code had opened. Inside the caller's transaction."""
    await Session.delete().where(Session.hospital == actor.hospital, Session.admission == admission)
