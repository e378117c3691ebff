"""What signing in decides: the first page of each role, who is locked out, what a password must be."""

import re
from enum import StrEnum

from msgspec import Struct

from dusangire.kernel.access import Role

HOME: dict[Role, str] = {
    Role.PATIENT: "/patient/",
    Role.CAREGIVER: "/patient/",
    Role.NURSE: "/wards/",
    Role.DOCTOR: "/health-profiles/",
    Role.NUTRITIONIST: "/nutritionist/",
    Role.KITCHEN: "/kitchen/",
    Role.DELIVERY: "/delivery/",
    Role.SUPPORT: "/support/",
    Role.FINANCE: "/admin/payments",
    Role.ADMIN: "/admin/",
    Role.AUDITOR: "/analytics/audit",
    Role.SUPER_ADMIN: "/admin/",
}

IDLE_MINUTES = 30
STAFF_HOURS, PATIENT_HOURS = 12, 24
RESET_MINUTES = 30
TRIES, LOCKED_MINUTES = 5, 15
STRANGERS_TRIES_AN_HOUR = 10
SHORTEST_PASSWORD = 12

_PHONE = re.compile(r"(?:\+?250|0)?(7[2389]\d{7})")


class Lock(StrEnum):
    """Why no further guess is heard for now."""

    NONE = "none"
    THIS_DEVICE = "this_device"
    STRANGERS = "strangers"


class Failures(Struct, frozen=True):
    """Wrong guesses at one account: from this device or network in 15 minutes, from all unknown devices in an hour."""

    here: int
    strangers: int


def lock(failures: Failures, *, is_known_device: bool) -> Lock:
    """Say whether a guess is heard. A known device counts alone, so strangers cannot lock its owner out."""
    if failures.here >= TRIES:
        return Lock.THIS_DEVICE
    if not is_known_device and failures.strangers >= STRANGERS_TRIES_AN_HOUR:
        return Lock.STRANGERS
    return Lock.NONE


def identifier(typed: str) -> str:
    """Return what a person typed as the account keeps it: a lower-case e-mail or an E.164 phone number."""
    text = typed.strip()
    match = _PHONE.fullmatch(re.sub(r"[\s().-]", "", text))
    return f"+250{match.group(1)}" if match else text.lower()


def network(address: str) -> str:
    """Return the neighbourhood of an address: /24 of IPv4, /64 of IPv6."""
    if ":" in address:
        return ":".join(address.split(":")[:4])
    return address.rpartition(".")[0]


def hours_of(role: Role) -> int:
    """Return how long a session lives at most."""
    return PATIENT_HOURS if role in (Role.PATIENT, Role.CAREGIVER) else STAFF_HOURS


def password_problem(password: str, name: str, address: str) -> str | None:
    """Return the key of what is wrong with a new password, None when it is good enough."""
    if len(password) < SHORTEST_PASSWORD:
        return "account.password_short"
    low = password.lower()
    if low in _COMMON or len(set(low)) < 5:
        return "account.password_common"
    if any(len(part) > 3 and part in low for part in (*name.lower().split(), address.lower().partition("@")[0])):
        return "account.password_own_name"
    return None


_COMMON = frozenset({
    "password1234", "passwordpassword", "123456789012", "1234567890123", "qwertyuiop12", "qwertyuiopas", "iloveyou1234",
    "administrator", "dusangire1234", "healing1234567", "letmeinletmein", "welcome12345", "rwandarwanda",
})  # fmt: skip
