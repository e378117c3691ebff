"""The telephone numbers that somebody keeps for paying: their own, and gone when they say so."""

from uuid import UUID

from dusangire.kernel import clock
from dusangire.kernel.access import Actor
from dusangire.kernel.db import execute, mine, transaction
from dusangire.kernel.errors import NotHere, Refusal
from dusangire.kernel.ids import uuid7
from dusangire.kernel.journal import record
from dusangire.payments import queries
from dusangire.payments.rules import Method
from dusangire.payments.rules.providers import e164
from dusangire.payments.tables import SavedPhone

_MOST = 5


async def keep_phone(actor: Actor, phone: str, method: Method) -> None:
    """Keep a number for next time, or note that it was used again. Raises Refusal for one that is no mobile number."""
    number = e164(phone)
    if number is None or not method.is_mobile:
        raise Refusal("payments.no_such_phone", status=422)
    kept = await queries.saved_phones(actor)
    if len(kept) >= _MOST and number not in {one.phone for one in kept}:
        raise Refusal("payments.own.too_many", status=422, most=_MOST)
    now = clock.now()
    async with transaction():
        row = SavedPhone(
            id=uuid7(), hospital=actor.hospital, app_user=actor.user, phone=number, method=method.value, used_at=now
        )
        await SavedPhone.insert(row).on_conflict(
            target=(SavedPhone.hospital, SavedPhone.app_user, SavedPhone.phone),
            action="DO UPDATE",
            values=[(SavedPhone.method, method.value), (SavedPhone.used_at, now)],
        )
        await record(actor, "phone:kept", f"phones:{actor.user}")


async def forget_phone(actor: Actor, phone_id: UUID) -> None:
    """Delete one's own saved number. Raises NotHere, also for somebody else's."""
    async with transaction():
        gone = (
            await SavedPhone.delete()
            .where(mine(SavedPhone, actor), SavedPhone.id == phone_id, SavedPhone.app_user == actor.user)
            .returning(SavedPhone.id)
        )
        if not gone:
            raise NotHere
        await record(actor, "phone:forgotten", f"phones:{actor.user}")


async def follow_merged(actor: Actor, about: str) -> None:
    """Let the numbers of a patient whose record was merged be those of the kept one; one kept by both stays once."""
    await execute(
        """
        WITH pair AS (
            SELECT kept.app_user AS kept, gone.app_user AS gone FROM patient kept
            JOIN patient gone ON gone.hospital = kept.hospital AND gone.merged_into = kept.id
            WHERE kept.hospital = $1 AND kept.id = $2
        ), twice AS (
            DELETE FROM saved_phone s USING pair, saved_phone k WHERE s.hospital = $1 AND s.app_user = pair.gone
              AND k.hospital = $1 AND k.app_user = pair.kept AND k.phone = s.phone RETURNING s.id
        )
        UPDATE saved_phone s SET app_user = pair.kept FROM pair
        WHERE s.hospital = $1 AND s.app_user = pair.gone
          AND NOT EXISTS (SELECT FROM saved_phone k
                          WHERE k.hospital = $1 AND k.app_user = pair.kept AND k.phone = s.phone)
        """,
        actor.hospital,
        UUID(about.partition(":")[2]),
    )
