"""What signing in decides: the first page of each role, who is locked out, what a password must be."""

import re
from enum import StrEnum

from msgspec import Struct

from dusangire.kernel.access import ROLES, Can, Role

HOME: dict[Role, str] = {
    Role.PATIENT: "/patient/",
    Role.CAREGIVER: "/patient/",
    Role.NURSE: "/wards/",
    Role.DOCTOR: "/health-profiles/",
    Role.NUTRITIONIST: "/nutritionist/",
    Role.KITCHEN: "/kitchen/",
    Role.DELIVERY: "/delivery/",
    Role.SUPPORT: "/support/",
    Role.FINANCE: "/admin/finance/",
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


STAFF = frozenset(Role) - {Role.PATIENT, Role.CAREGIVER}
# Only the platform's administrator appoints these: who watches over administrators is not theirs to choose.
_APPOINTED_ABOVE = frozenset({Role.ADMIN, Role.AUDITOR, Role.SUPER_ADMIN})
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class Language(StrEnum):
    """What people may be spoken to in."""

    RW = "rw"
    EN = "en"
    FR = "fr"


class RightVerb(StrEnum):
    """What can be done to one right of one post; RESET leads back to what the role has."""

    GRANT = "grant"
    REVOKE = "revoke"
    RESET = "reset"

    @property
    def past(self) -> str:
        return {"grant": "granted", "revoke": "revoked", "reset": "reset"}[self.value]


def may_give(giver: Role, role: Role) -> bool:
    """Say whether somebody of the first role may let people work as the second. Patients are made by wards."""
    return role in STAFF and (giver is Role.SUPER_ADMIN or role not in _APPOINTED_ABOVE)


def may_manage(manager: Role, roles: list[Role]) -> bool:
    """Say whether the standing of a person with these roles may be changed by somebody of the first role."""
    return manager is Role.SUPER_ADMIN or not _APPOINTED_ABOVE & set(roles)


def rights_after(
    role: Role, granted: list[str], revoked: list[str], right: Can, verb: RightVerb
) -> tuple[list[str], list[str]]:
    """Return what a post has more and less than its role, once this verb is done to this right."""
    plus, minus = set(granted) - {right.value}, set(revoked) - {right.value}
    if verb is RightVerb.GRANT and right not in ROLES[role]:
        plus.add(right.value)
    if verb is RightVerb.REVOKE and right in ROLES[role]:
        minus.add(right.value)
    return sorted(plus), sorted(minus)


def email_problem(address: str) -> str | None:
    """Return the key of what is wrong with an address as `identifier` gives it."""
    return None if _EMAIL.fullmatch(address) and len(address) <= 120 else "people.email_bad"


def phone_problem(number: str) -> str | None:
    return None if re.fullmatch(r"[+][0-9]{8,15}", number) else "people.phone_bad"
