"""The account of a stay, as the ledger has it: what is on it, whatever it was charged for, and how much may be."""

from uuid import UUID

from msgspec import Struct

from dusangire.kernel.access import Actor
from dusangire.kernel.db import fetch_one, fetch_value
from dusangire.kernel.money import Money


class StayAccount(Struct, frozen=True):
    """What somebody still owes on the account of a stay, and how much it takes."""

    admission: UUID
    app_user: UUID | None
    charged_minor: int
    ceiling_minor: int

    @property
    def charged(self) -> Money:
        return Money(self.charged_minor)

    @property
    def ceiling(self) -> Money:
        return Money(self.ceiling_minor)

    def has_room(self, more: Money) -> bool:
        return self.charged + more <= self.ceiling


_ACCOUNT = """
    SELECT a.id AS admission, p.app_user, a.account_ceiling_minor AS ceiling_minor,
           (SELECT coalesce(sum(l.amount_minor), 0)::int FROM posting l WHERE l.hospital = a.hospital
              AND l.account = 'admission_receivable' AND l.party = a.id) AS charged_minor
    FROM admission a JOIN patient p ON p.hospital = a.hospital AND p.id = a.patient
    WHERE a.hospital = $1 AND a.ended_at IS NULL
"""


async def stay_account(actor: Actor, patient: UUID) -> StayAccount | None:
    """Return the account of the patient's running stay; None for somebody who is not admitted."""
    return await fetch_one(StayAccount, f"{_ACCOUNT} AND a.patient = $2", actor.hospital, patient)


async def locked_stay_account(actor: Actor, admission: UUID) -> StayAccount | None:
    """Return the account of a running stay once nobody else is charging it, and keep it so until the commit.

    Trays and plans are charged to one account: who adds to it takes this last, after every other lock. Two statements.
    """
    await fetch_value("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 50))", str(admission))
    return await fetch_one(StayAccount, f"{_ACCOUNT} AND a.id = $2", actor.hospital, admission)
