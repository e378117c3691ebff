"""The PIN that opens the portal from the bed: shown once to the nurse, kept as a hash, guessed five times at most."""

import secrets
from uuid import UUID

from dusangire.accounts import queries as account_queries
from dusangire.accounts import service as accounts
from dusangire.kernel import limits
from dusangire.kernel.access import Actor
from dusangire.kernel.db import mine, transaction
from dusangire.kernel.errors import Refusal
from dusangire.kernel.journal import record
from dusangire.wards import queries
from dusangire.wards.rules import PIN_MINUTES, PIN_TRIES, is_weak_pin
from dusangire.wards.service.safety import lock, wards_bell
from dusangire.wards.tables import Admission

_SCOPE = "bed pin"


async def set_pin(actor: Actor, patient: UUID) -> str:
    """Return a new PIN of four digits for the patient; the old one and what it opened end. Raises Refusal."""
    pin = _new_pin()
    hashed = await accounts.hash_secret(pin)
    async with transaction():
        await lock(actor, patient)
        admission = await queries.admission_of(actor, patient)
        if admission is None:
            raise Refusal("ward.not_admitted")
        await Admission.update({Admission.pin_hash: hashed}).where(mine(Admission, actor), Admission.id == admission.id)
        await accounts.end_sessions_of_admission(actor, admission.id)
        await limits.forget(_SCOPE, str(admission.id))
        await record(actor, "admission:pin_set", f"patient:{patient}", also=[wards_bell(actor)])
    return pin


async def check_pin(actor: Actor, admission: UUID, pin: str) -> bool:
    """Say whether the PIN opens this admission. Raises Refusal after five wrong ones within 15 minutes.

    The guess is counted before it is looked at, so that many at once are no more than five.
    """
    await limits.knocks(_SCOPE, str(admission), 60)
    if await account_queries.failures(_SCOPE, str(admission), PIN_MINUTES) > PIN_TRIES:
        raise Refusal("signin.locked", status=429, min=PIN_MINUTES)
    found = await queries.admission(actor, admission)
    if not await accounts.verify_secret(found.pin_hash if found else None, pin):
        return False
    await limits.forget(_SCOPE, str(admission))
    return True


def _new_pin() -> str:
    while True:
        pin = f"{secrets.randbelow(10_000):04d}"
        if not is_weak_pin(pin):
            return pin
