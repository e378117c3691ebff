"""Hashing and checking passwords and PINs off the event loop, and the cookie of a device that is known."""

import asyncio
import hmac
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import TypeVar, TypeVarTuple
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dusangire.kernel.errors import Busy
from dusangire.kernel.ids import token
from dusangire.kernel.settings import settings

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# OWASP's figures for argon2id. Tests and demo data of hundreds of people may ask for a cheaper one, never production.
_HASHER = PasswordHasher(
    time_cost=2,
    memory_cost=64 if os.environ.get("DUSANGIRE_CHEAP_HASHES") and not settings().is_production else 19 * 1024,
    parallelism=1,
)
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="argon2")
_QUEUE_LIMIT = 32
_waiting = 0


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


async def _in_thread(work: Callable[[*Ts], T], *arguments: *Ts) -> T:
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
