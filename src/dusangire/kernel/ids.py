"""Identifiers: UUIDv7 for rows, short codes for people, opaque tokens for links and cookies."""

import os
import secrets
import time
from hashlib import sha256
from uuid import UUID

# Without 0 O 1 I L U V: letters that are misread on a label or misheard on a telephone.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"


def uuid7() -> UUID:
    """Return a new time-ordered UUID (RFC 9562, version 7)."""
    milliseconds = time.time_ns() // 1_000_000
    tail = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | tail
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def short_code(length: int = 5) -> str:
    """Return a random code that can be read aloud; 5 letters give 20 million."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def token() -> str:
    """Return 256 random bits, safe in a URL and a cookie."""
    return secrets.token_urlsafe(32)


def fingerprint(secret: str) -> bytes:
    """Return what is stored instead of a token: its SHA-256, 32 bytes."""
    return sha256(secret.encode()).digest()


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that the text spells, None for anything else."""
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
